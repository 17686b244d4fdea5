"""The pinned files: the shape of their table, and their sums against the copies that we have."""

import hashlib
import re
from pathlib import Path

import pytest

from tasks.core.assets import ASSETS, Asset

SHARED = Path(__file__).parents[4] / "shared" / "data" / "scicode"
# Every file once: the official texts stand under both names.
ALL = {(asset.name, asset.sha256): asset for assets in ASSETS.values() for asset in assets}
PINNED_REVISION = re.compile(r"[0-9a-f]{40}")


@pytest.mark.parametrize("asset", ALL.values(), ids=lambda asset: asset.name)
def test_every_file_has_a_whole_sum_and_mirrors_with_pinned_revisions(asset: Asset) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", asset.sha256)
    assert len(asset.urls) >= 2
    assert len(set(asset.urls)) == len(asset.urls)
    assert [url for url in asset.urls if not re.match(r"https://[^/]+/.", url)] == []
    assert [url for url in asset.urls if not PINNED_REVISION.search(url)] == []


def test_the_layout_is_the_one_that_datasets_are_read_from() -> None:
    texts = {
        *("upstream/multistep_template.txt", "upstream/background_comment_template.txt"),
        *("upstream/13.6.txt", "upstream/62.1.txt", "upstream/76.3.txt"),
    }
    scicode = {asset.name for asset in ASSETS["scicode"]}
    assert scicode == texts | {"problems_dev.jsonl", "problems_test.jsonl", "test_data.h5"}
    verified = {asset.name for asset in ASSETS["verified"]}
    assert verified == texts | {"verified/problems_test.jsonl", "verified/test_data_cleaned.h5"}


def test_the_targets_are_asked_of_plain_https_copies_and_drive_is_only_a_remark() -> None:
    (targets,) = [asset for asset in ASSETS["scicode"] if asset.name == "test_data.h5"]
    assert targets.size_bytes == 1_049_345_865
    assert len(targets.urls) == 6  # three copies, each on the Hub and on its mirror
    assert not any("google" in url for url in targets.urls)
    assert "drive.google.com" in targets.remark


def test_a_copy_is_known_by_our_name_and_by_upstreams() -> None:
    (problems,) = [asset for asset in ASSETS["scicode"] if asset.name == "problems_test.jsonl"]
    assert problems.other_names == ("problems_test.jsonl", "problems_all.jsonl")
    (verified,) = [a for a in ASSETS["verified"] if a.name == "verified/problems_test.jsonl"]
    assert verified.other_names == ("verified/problems_test.jsonl", "problems_test.jsonl")


@pytest.mark.parametrize(
    "asset", [asset for asset in ALL.values() if (SHARED / asset.name).is_file()], ids=str
)
def test_sum_and_size_are_those_of_the_file(asset: Asset) -> None:
    content = (SHARED / asset.name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == asset.sha256
    assert len(content) == asset.size_bytes
