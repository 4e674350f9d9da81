"""axe-core's rules for a page in the browser."""

from pathlib import Path

import axe_playwright_python

AXE = (Path(axe_playwright_python.__file__).with_name('axe.min.js')).read_text(encoding='utf-8')
# All rules that are on by default, best practices too, and the size of targets of WCAG 2.2.
RULES = {'resultTypes': ['violations', 'incomplete'], 'rules': {'target-size': {'enabled': True}}}


def violations(page):
    """What axe-core finds, in lines: rule, impact, the elements that break it and why."""
    page.evaluate(AXE)
    found = page.evaluate('options => axe.run(options)', RULES)
    for each in found['incomplete']:
        print('not decided:', each['id'], [node['html'][:120] for node in each['nodes'][:5]])
    return [f'{each["id"]} ({each["impact"]}): {node["html"][:160]} {node["failureSummary"]}'
            for each in found['violations'] for node in each['nodes']]
