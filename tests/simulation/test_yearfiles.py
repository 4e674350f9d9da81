"""The files of simulated years, as the product reads them."""

import csv
import tomllib

from photzp.names import exposure_of
from photzp.observatory import load_observatory
from simulation.yearfiles import OVERLAY_NAME


def test_overlay_gives_the_events_of_the_simulated_telescopes(written):
    place, _, truth = written
    overlay = tomllib.loads((place / OVERLAY_NAME).read_text())
    with open(place / overlay['events'], newline='') as file:
        listed = {(row['telescope'], row['date'], row['kind']) for row in csv.DictReader(file)}
    planted = {(name, step['date'], step['kind']) for name, record in truth['telescopes'].items()
               for step in record['series']['gp']['steps'] if step['recorded']}
    assert listed == planted
    observatory = load_observatory(place / OVERLAY_NAME)
    known = {(event.telescope, str(event.date), event.kind) for event in observatory.events
             if event.telescope in truth['telescopes']}
    assert known == planted
    assert set(truth['telescopes']) <= set(observatory.telescopes)


def test_names_are_those_of_frames(written):
    _, rows, _ = written
    assert exposure_of(rows.name[0]) in rows.name[0]
    assert all(name.endswith('-e91.fits.fz') for name in rows.name[:50])
