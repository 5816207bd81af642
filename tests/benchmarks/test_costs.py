"""Every installed estimator is measured, on a stream that it understands."""

import numpy as np
import pytest

from benchmarks._costs import cost_ms, usual
from sensors.estimators import by_stream_type

STREAMS = usual(8.0)


def test_every_installed_estimator_has_a_usual_stream() -> None:
    assert STREAMS.keys() == by_stream_type().keys()


@pytest.mark.parametrize("kind", sorted(by_stream_type()))
def test_an_estimator_takes_its_usual_stream_and_complains_of_no_sample(kind: str) -> None:
    spec, stream = by_stream_type()[kind], STREAMS[kind]
    chosen = list(spec.choose(stream.labels))
    estimator = spec.build(stream.rate_hz, tuple(stream.labels[at] for at in chosen))
    estimator.push(np.ascontiguousarray(stream.x[:, chosen]), stream.at_s)
    assert getattr(estimator, "bad_samples", 0) == 0
    assert estimator.readings(float(stream.at_s[-1]))
    assert cost_ms(spec, stream) > 0.0
