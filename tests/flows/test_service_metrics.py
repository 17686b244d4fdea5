"""The service counts what it does, in Prometheus' text format."""

import pytest

from flows.service_metrics import Histogram, ServiceMetrics
from tasks.core.records import Reason, Verdict


def test_a_bucket_counts_everything_up_to_its_bound() -> None:
    histogram = Histogram((0.5, 2.0))
    for seconds in (0.25, 0.5, 1.0, 4.0):
        histogram.add(seconds)
    assert list(histogram.samples("h")) == [
        'h_bucket{le="0.5"} 2',
        'h_bucket{le="2.0"} 3',
        'h_bucket{le="+Inf"} 4',
        "h_sum 5.75",
        "h_count 4",
    ]
    # 5.75 / 4
    assert histogram.mean == 1.4375


def test_the_mean_of_nothing_is_zero() -> None:
    assert Histogram().mean == 0


def test_counters_and_gauges_are_named_and_labelled() -> None:
    metrics = ServiceMetrics()
    metrics.count_request(200, 0.2)
    metrics.count_request(429, 0.1)
    metrics.count_request(200, 0.2)
    metrics.count_verdict(Verdict(Reason.PASSED, duration_s=2.0), ran=True)
    metrics.count_verdict(Verdict(Reason.NO_CODE), ran=False)
    lines = metrics.text({"queued_steps": ("Sub-steps that wait.", 3)}).splitlines()
    assert {
        "# TYPE scicode_verifier_requests_total counter",
        'scicode_verifier_requests_total{status="200"} 2',
        'scicode_verifier_requests_total{status="429"} 1',
        'scicode_verifier_verdicts_total{reason="passed"} 1',
        'scicode_verifier_verdicts_total{reason="no_code"} 1',
        "scicode_verifier_request_seconds_count 3",
        "scicode_verifier_program_seconds_count 1",
        "# HELP scicode_verifier_queued_steps Sub-steps that wait.",
        "# TYPE scicode_verifier_queued_steps gauge",
        "scicode_verifier_queued_steps 3",
    } <= set(lines)
    # What nothing ran for has no duration to count.
    assert metrics.mean_program_s == 2.0


def test_a_scraper_can_read_it() -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    metrics = ServiceMetrics()
    metrics.count_request(200, 0.2)
    families = parser.text_string_to_metric_families(metrics.text({"queue_limit": ("Most.", 1)}))
    assert {family.name: family.type for family in families} == {
        "scicode_verifier_requests": "counter",
        "scicode_verifier_verdicts": "counter",
        "scicode_verifier_request_seconds": "histogram",
        "scicode_verifier_program_seconds": "histogram",
        "scicode_verifier_queue_limit": "gauge",
    }
