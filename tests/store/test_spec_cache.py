"""Specs are remembered up to a bound, the last used ones longest."""

from modelwright.core.spec import ModelSpec
from modelwright.store.spec_cache import SpecCache

SPECS = [ModelSpec(system=str(number)) for number in range(50)]


def test_the_least_recently_used_go_first() -> None:
    cache = SpecCache(room=10 * 2000)
    first = SPECS[0].digest
    for spec in SPECS:
        cache.keep(spec.digest, spec, size=900)
        cache.keep(spec.digest, spec, size=900)
        assert cache.find(first) == SPECS[0]
    kept = [spec for spec in SPECS if cache.find(spec.digest)]
    assert kept == [SPECS[0], *SPECS[-9:]]


def test_what_is_larger_than_the_room_is_not_kept() -> None:
    cache = SpecCache(room=2000)
    cache.keep(SPECS[0].digest, SPECS[0], size=5000)
    assert cache.find(SPECS[0].digest) is None
