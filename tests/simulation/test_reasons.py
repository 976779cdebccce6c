from random import Random

from domain import reasons as domain_reasons
from simulation import reasons
from simulation.reasons import Reason, tries_again

CATALOGUE = [Reason(reason.code, reason.type.name, tuple(status.name for status in reason.statuses)) for reason in domain_reasons.CATALOGUE.values()]
SEED = 7


def test_every_code_with_a_weight_occurs() -> None:
    random = Random(SEED)
    drawn = {code for _ in range(20_000) for code in reasons.reported_codes(random, random.choice(("FAILED", "INCONCLUSIVE")), CATALOGUE, faces=True)}
    drawn |= {reasons.pressed_button(random) for _ in range(1000)}

    assert {code for code, weight in reasons.WEIGHTS.items() if weight} == {code for code in drawn if not code.startswith("IDVV_9")}


def test_every_code_of_the_catalogue_has_a_weight() -> None:
    assert set(reasons.WEIGHTS) == set(domain_reasons.CATALOGUE)


def test_a_code_that_is_added_to_the_catalogue_occurs() -> None:
    random, catalogue = Random(SEED), [*CATALOGUE, Reason("IDVV_2999", "IDENTITY_FRAUD", ("FAILED",))]

    assert any("IDVV_2999" in reasons.reported_codes(random, "FAILED", catalogue, faces=True) for _ in range(5000))


def test_with_an_empty_catalogue_only_codes_outside_of_it_are_reported() -> None:
    assert [code[:6] for code in reasons.reported_codes(Random(SEED), "FAILED", [], faces=True)] == ["IDVV_9"]


def test_the_advice_with_the_lowest_chance_decides_whether_a_person_retries() -> None:
    assert tries_again(0.5, ["RETRY_NOW"])
    assert not tries_again(0.95, ["RETRY_NOW"])
    assert not tries_again(0.0, ["RETRY_NOW", "DO_NOT_RETRY"])
    assert not tries_again(0.0, ["OFFER_ALTERNATIVE"])
    assert not tries_again(0.0, [])
    assert not tries_again(0.0, ["AN_ADVICE_OF_A_LATER_RELEASE"])
