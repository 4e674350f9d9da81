"""The report as people use it, in a real browser."""

import re

import pytest
from browserpages import Visitor, served

POLICY = '<meta http-equiv="Content-Security-Policy" content="script-src \'unsafe-inline\'; img-src \'self\'">'


@pytest.mark.parametrize(('body', 'complaint'), [
    ('<script>console.error("so")</script>', 'console: so'), ('<script>nothing()</script>', 'exception: nothing is'),
    ('<script>alert("hit")</script>', 'dialog: hit'), ('<img src="none.png" alt="">', '404: .*/none.png'),
    ('<img src="http://127.0.0.1:9/x.png" alt="">', 'leaves the host: http://127.0.0.1:9/x.png'),
    (f'{POLICY}<img src="http://localhost:9/x.png" alt="">', 'console: refused: http://localhost:9/x.png'),
    ('<p>nothing</p>', '')])
def test_what_is_wrong_with_a_page_does_not_go_unseen(chromium, tmp_path, body, complaint):
    (tmp_path / 'index.html').write_text(f'<!DOCTYPE html><title>x</title><link rel="icon" href="data:,">{body}')
    visitor = Visitor(chromium)
    with served(tmp_path) as url:
        visitor(f'{url}index.html')
        found = visitor.leave()
    assert bool(found) == bool(complaint)
    assert re.search(complaint, '\n'.join(found))


def test_the_index_loads(visit, site):
    page = visit(f'{site}index.html')
    assert page.title() == 'Telescope throughput'
