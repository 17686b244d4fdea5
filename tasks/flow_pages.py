"""flow run -> its page: links between what Prefect's pages show."""

from urllib.parse import urlsplit

from prefect.utilities.urls import url_for


def flow_run_page(flow_run_id: str) -> str | None:
    """Return where the page of a flow run is on its server, None if the server has no pages.

    Without host and port, so that it is right through a tunnel, and for a run whose server had
    another port than the one that shows it later.
    """
    url = url_for("flow-run", flow_run_id)
    return None if url is None else urlsplit(url).path


def link(text: str, flow_run_id: str) -> str:
    """Return a Markdown link to the page of a flow run, or the text alone."""
    page = flow_run_page(flow_run_id)
    return text if page is None else f"[{text}]({page})"
