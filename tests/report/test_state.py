"""What the report remembers of itself, as text and back."""

from photzp.report.state import digest, program_digest


def test_another_version_is_a_change():
    assert program_digest('1.0') == program_digest('1.0') != program_digest('1.1')


def test_the_digest_tells_values_and_their_order_apart():
    different = [(1, 2), (2, 1), (12,), ('1', 2), (1.0, 2), ([1], 2), ()]
    assert len({digest(*parts) for parts in different}) == len(different)
