"""Digests of rows."""

from photzp.rowdigest import RowDigest


def test_a_digest_knows_columns_number_and_order_of_rows():
    def digest(names, *chunks):
        found = RowDigest(names)
        for chunk in chunks:
            found.add(2, chunk)
        return found.rows, str(found)

    one = digest(('zp',), [b'a'], [b'b'])
    assert one == digest(('zp',), [b'a'], [b'b'])
    assert one[0] == 4
    others = {digest(('zperr',), [b'a'], [b'b']), digest(('zp',), [b'b'], [b'a']), digest(('zp',), [b'a'])}
    assert len(others | {one}) == 4
