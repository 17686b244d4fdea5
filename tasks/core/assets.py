"""upstream -> dataset: the files of SciCode and SciCode-Verified, by their pinned sha256.

A mirror is trusted with nothing: what it serves is taken if and only if its sha256 is the pinned
one. GitHub has the problem files at a revision before it removed them, the test problems under the
name `problems_all.jsonl`; the Hub has both under our names.
"""

from dataclasses import dataclass

_GITHUB = "scicode-bench/SciCode"
_GITHUB_REVISION = "69a8cfc829fe8788a426ce8b5de6292366dce7ef"
_HUBS = ("https://huggingface.co", "https://hf-mirror.com")
_SCICODE_HUB = ("SciCode1/SciCode", "4510f6a6aa27c43fad7b43da2c59602a86e88480")
_VERIFIED_HUB = ("shhu2001/SciCode-Verified", "eea11a866be6860725258702b39ef8651ed26abd")
_TARGET_COPIES = (
    (
        ("akshathmangudi/SciCode", "526f6cbf273fc2b134444104fd1979a013e95d39"),
        "raw/raw_ground.h5",
    ),
    (
        ("Srimadh/Scicode-test-data-h5", "72c247d3a8410921b2e848e046d71ed63d9a0ddb"),
        "test_data.h5",
    ),
    (
        ("xantheocracy/scicode-mirror", "2f903a64a1c4eb62c7c649b0caf7ecb2c0217590"),
        "test_data.h5",
    ),
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of a dataset.

    `name` is its path in the data folder, `urls` are its mirrors, the first one asked first.
    `size_bytes` is None where only the sum is pinned. `remark` says where else a person gets it.
    """

    name: str
    sha256: str
    urls: tuple[str, ...]
    size_bytes: int | None = None
    remark: str = ""

    @property
    def other_names(self) -> tuple[str, ...]:
        """The names that a copy may have elsewhere: ours, then upstream's."""
        names = [self.name, self.name.rpartition("/")[2]]
        names += [url.rpartition("/")[2] for url in self.urls]
        return tuple(dict.fromkeys(names))


def _hub(dataset: tuple[str, str], path: str) -> tuple[str, ...]:
    name, revision = dataset
    return tuple(f"{hub}/datasets/{name}/resolve/{revision}/{path}" for hub in _HUBS)


def _github(path: str) -> tuple[str, ...]:
    return (
        f"https://raw.githubusercontent.com/{_GITHUB}/{_GITHUB_REVISION}/{path}",
        f"https://cdn.jsdelivr.net/gh/{_GITHUB}@{_GITHUB_REVISION}/{path}",
    )


def _official_text(name: str, sha256: str, size_bytes: int) -> Asset:
    return Asset(f"upstream/{name}", sha256, _github(f"eval/data/{name}"), size_bytes)


_TEXTS = (
    _official_text(
        "multistep_template.txt",
        "2c6946acf50f69d37647b83c04e77e6bdc5f3ff04e87d4aa6f79d0f27b5dcbc2",
        1565,
    ),
    _official_text(
        "background_comment_template.txt",
        "9b407bdd44937f13cf090b5ae35436b7dc60a0fb8494caec6995c9c83cdadb03",
        1712,
    ),
    _official_text(
        "13.6.txt", "795a2b57c2d9bb12ca4eaf16d6b8e1f202015a89a886628858abf42a1b18a94e", 2098
    ),
    _official_text(
        "62.1.txt", "bc9931d88a7d5950091b72a996a25b8be6c936fd136b01005e22c3d45b0008a2", 978
    ),
    _official_text(
        "76.3.txt", "4758300d96ea726cdc0fbf749f1bc437030d2a3e8b43bde232ecdeaf636cd367", 1020
    ),
)
_SCICODE = (
    Asset(
        "problems_dev.jsonl",
        "193968aff23b7ed931c8f6d196b611e2f6694adb49e6cc085444a60ad2fc4f7b",
        _github("eval/data/problems_dev.jsonl") + _hub(_SCICODE_HUB, "problems_dev.jsonl"),
        279_558,
    ),
    Asset(
        "problems_test.jsonl",
        "38797fef78f434720be6d053b4f3a86839d6f8ea5fb9115450677cd3a6edf81d",
        _github("eval/data/problems_all.jsonl") + _hub(_SCICODE_HUB, "problems_test.jsonl"),
        933_500,
    ),
    Asset(
        "test_data.h5",
        "48b0272a88b17dbd29777c217e1b4fb2b019b92e11cc2add847409db9541b890",
        tuple(_hub(copy, path)[0] for copy, path in _TARGET_COPIES)
        + tuple(_hub(copy, path)[1] for copy, path in _TARGET_COPIES),
        1_049_345_865,
        "SciCode's authors share it on Google Drive, "
        "https://drive.google.com/file/d/17G_k65N_6yFFZ2O-jQH00Lh6iaw3z-AW",
    ),
)
_VERIFIED = (
    Asset(
        "verified/problems_test.jsonl",
        "427771cb8bceb5058e8b510af0ee2c8210827a1491e0cdf8e6db56d4ed1440ba",
        _hub(_VERIFIED_HUB, "data/problems_test.jsonl"),
    ),
    Asset(
        "verified/test_data_cleaned.h5",
        "8fb6e575b7b6dda5e48b04dea338fc6af4fe185774b8f19221c96945df9b4142",
        _hub(_VERIFIED_HUB, "test_data_cleaned.h5"),
    ),
)

# The given code of SciCode-Verified is SciCode's.
ASSETS: dict[str, tuple[Asset, ...]] = {
    "scicode": (*_TEXTS, *_SCICODE),
    "verified": (*_TEXTS, *_VERIFIED),
}
