"""Findings as the pages show them: by kind, a line for each telescope."""

from collections.abc import Iterable
from dataclasses import dataclass

from photzp.answers.alarms import KINDS, Finding

_UNITS = {'mag': ('mmag', 1000.0), 'factor': ('times', 1.0)}  # unit of a finding: that of the pages, and the factor


@dataclass(frozen=True)
class FindingLine:
    """Findings of one kind at one telescope.

    Attributes
    ----------
    telescope : str
        '' for a finding of no telescope.
    where : str
        Filter and camera of the worst.
    text : str
        What was measured there.
    others : tuple of (str, str)
        Filter and camera, and value with its unit, of the others.
    """

    telescope: str
    where: str
    text: str
    others: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class FindingGroup:
    """Findings of one kind.

    Attributes
    ----------
    kind, meaning : str
        Its name, and what it means.
    limit : str
        Limit that all of them crossed, with its unit.
    setting : str
        Name of the limit in [alarms].
    count : int
        Number of findings.
    lines : tuple of FindingLine
        One for each telescope, the worst first.
    """

    kind: str
    meaning: str
    limit: str
    setting: str
    count: int
    lines: tuple[FindingLine, ...]


def findings_of(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """Group findings by kind and limit.

    Parameters
    ----------
    findings : iterable of Finding
        The worst first.

    Returns
    -------
    tuple of FindingGroup
        In the order of their first findings.
    """
    groups: dict[tuple[str, str, float], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.kind, finding.setting, finding.limit), []).append(finding)
    return tuple(map(_group, groups.values()))


def _group(findings: list[Finding]) -> FindingGroup:
    by_telescope: dict[str, list[Finding]] = {}
    for finding in findings:
        # Without a telescope each is of something else, as of another script.
        by_telescope.setdefault(finding.telescope or finding.text, []).append(finding)
    first = findings[0]
    return FindingGroup(kind=first.kind, meaning=KINDS.get(first.kind, ''), limit=_with_unit(first.limit, first.unit),
                        setting=first.setting, count=len(findings), lines=tuple(map(_line, by_telescope.values())))


def _line(findings: list[Finding]) -> FindingLine:
    worst, *others = findings
    return FindingLine(worst.telescope, _where(worst), worst.text.replace('+-', '±'),
                       tuple((_where(other), _with_unit(other.value, other.unit)) for other in others))


def _where(finding: Finding) -> str:
    return ' '.join(part for part in (finding.filter, finding.camera) if part)


def _with_unit(value: float, unit: str) -> str:
    """A value of a finding, in the unit of the pages."""
    name, factor = _UNITS.get(unit, (unit, 1.0))
    return f'{float(f"{factor * value:.3g}"):g} {name}'.replace('-', '−')
