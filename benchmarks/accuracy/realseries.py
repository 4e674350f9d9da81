"""The model on a real series, held against nights that it has not seen: `python -m benchmarks.accuracy.realseries`.

DECam's zeropoints of 2013 to 2016 (data/README.md).  There is no truth; what can be tested is whether the model
predicts nights that were kept from it as well as its errors say, and whether it calls clear what a rule without a model
calls clear (`decam.judge`).  Four tables:

1. The fit of all filters together.
2. Blocks of 20 days are left out, every sixth block at a time, and the night means in them are predicted; only nights
   clear by the rule count.  pull = (mean - model) / sqrt(model error^2 + night noise^2 + error of the mean^2).  In the
   error of the mean of all clear nights of a block, where it has three or more, the noise is independent from night to
   night, and the error of the model common to all.  The blocks of the first and the last night stay.
3. The last 30% of nights are predicted from those before.
4. z alone: how many of the nights that are clear, or dim, in g, r, i are so in its fit.

Offsets of fields (`decam.field_offsets`) are taken from the means that are predicted, since the rows of a night
may be of one field; the pulls without that stand beside.  --write puts tables and picture into docs/.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.accuracy.decam import (
    LONGITUDE_DEG,
    Judged,
    NightMeans,
    field_offsets,
    judge,
    night_means,
    nights_of,
    read_rows,
    some,
)
from benchmarks.accuracy.realpicture import picture
from benchmarks.accuracy.throughput import rms
from photzp.throughput.model import fit_telescope

BLOCK_DAYS, FOLDS = 20, 6
SEVERAL = 3          # clear nights of a block whose mean is predicted, too
FIRST_SHARE = 0.7    # of the nights, which predict the others
DOCS = Path(__file__).parents[2] / 'docs'
DOCUMENT, PICTURE = DOCS / 'accuracy.md', DOCS / 'realseries.png'
# What is to be reached: least and greatest value; of z where it has a limit of its own.
GOALS = {'block nights': (0.8, 1.3), 'block means': (0.7, 1.6), 'last nights': (0.6, 1.5), 'level error': (0, 0.025),
         'z level error': (0, 0.035), 'z alone clear': (0.8, 1), 'z alone cloudy': (0.95, 1)}


@dataclass(frozen=True)
class Predicted:
    """Night means beside what a fit says that did not see them.

    means : NightMeans, of m nights; model_mag, model_error_mag (m,); noise_mag (m,), of each mean about the model.
    """

    means: NightMeans
    model_mag: np.ndarray
    model_error_mag: np.ndarray
    noise_mag: np.ndarray

    @property
    def difference_mag(self):
        return self.means.mag - self.model_mag

    @property
    def pull(self):
        return self.difference_mag / np.hypot(self.model_error_mag, self.noise_mag)

    def pull_of_mean(self, chosen):
        """Of the mean of some nights: their noise is independent, the error of the model is common."""
        noise = np.sqrt(np.sum(self.noise_mag[chosen]**2)) / np.sum(chosen)
        error = np.hypot(noise, np.mean(self.model_error_mag[chosen]))
        return np.mean(self.difference_mag[chosen]) / error


@dataclass(frozen=True)
class RealSeries:
    """The series, its judged nights, and the offset of the field of each row by filter."""

    rows: dict
    judged: Judged
    offset_mag: dict

    @classmethod
    def read(cls):
        rows = read_rows()
        judged = judge(rows)
        return cls(rows, judged, {name: field_offsets(one, judged.clear) for name, one in rows.items()})

    @cached_property
    def nights(self):
        """All nights with rows."""
        return np.unique(np.concatenate([nights_of(one) for one in self.rows.values()]))

    @cached_property
    def means(self):
        """Clear nights by filter: NightMeans, offsets of fields taken out."""
        means = {name: night_means(one, self.offset_mag[name]) for name, one in self.rows.items()}
        return {name: one.at(one.of(self.judged.clear)) for name, one in means.items()}

    @cached_property
    def raw_means(self):
        """The same with the offsets of fields in them."""
        means = {name: night_means(one) for name, one in self.rows.items()}
        return {name: one.at(one.of(self.judged.clear)) for name, one in means.items()}

    def fit(self, nights=None, filters=None):
        """{filter: ThroughputFit} of some nights in some filters; of all by default."""
        rows = {name: one if nights is None else some(one, np.isin(nights_of(one), nights))
                for name, one in self.rows.items() if filters is None or name in filters}
        return fit_telescope(rows, longitude_deg=LONGITUDE_DEG)

    @cached_property
    def whole(self):
        """The fit of all."""
        return self.fit()


def predict(fit, means):
    """What a fit says of night means: Predicted.

    The noise of a mean is that of its night, and that of its rows by their errors and the fit's scatter of rows.
    """
    model, error = fit.at(means.time)
    night, row = (float(np.nan_to_num(value)) for value in (fit.night_noise_mag, fit.scatter_mag))
    noise = np.sqrt(night**2 + means.error_mag**2 + row**2 / means.rows)
    return Predicted(means, model, error, noise)


def clear_residuals(series, fit, name):
    """Night means that are clear by the rule, less the level [mag]."""
    means = series.means[name]
    return means.mag - fit.at(means.time)[0]


def called(fit, nights, *, clear):
    """Share of some nights, of those with rows, that a fit calls clear or cloudy."""
    among = np.isin(fit.night, nights)
    return float(np.mean(fit.photometric[among] == clear))


def block_of(nights, first):
    """Number of the block of each night."""
    return (nights - first).astype(int) // BLOCK_DAYS


def left_out(series):
    """Pulls of what was left out in blocks, by filter: {filter: (single nights, the same raw, means of several)}."""
    block = block_of(series.nights, series.nights[0])
    ends = np.isin(block, block[[0, -1]])
    pulls = {name: ([], [], []) for name in series.rows}
    for fold in range(FOLDS):
        out = (block % FOLDS == fold) & ~ends
        fits = series.fit(series.nights[~out])
        for name, fit in fits.items():
            single, raw, several = pulls[name]
            means, with_fields = (of[name].at(of[name].of(series.nights[out])) for of in (series.means,
                                                                                         series.raw_means))
            predicted = predict(fit, means)
            single.extend(predicted.pull)
            raw.extend(predict(fit, with_fields).pull)
            number = block_of(means.night, series.nights[0])
            several.extend(predicted.pull_of_mean(number == one) for one in np.unique(number)
                           if np.sum(number == one) >= SEVERAL)
    return pulls


def the_last(series):
    """Predictions of the last nights from those before: {filter: Predicted}."""
    first = series.nights[:round(FIRST_SHARE * len(series.nights))]
    later = {name: means.at(means.night > first[-1]) for name, means in series.means.items()}
    return {name: predict(fit, later[name]) for name, fit in series.fit(first).items()}


# -- the tables --------------------------------------------------------------------------------------------------------


def mmag(value):
    return f'{1000 * value:.1f}' if np.isfinite(value) else 'none'


def judged_by(value, goal, text):
    """A figure as text, with a mark where it misses its goal; NaN misses it."""
    least, most = GOALS[goal]
    return text if least <= value <= most else f'{text} (!)'


def table(head, lines):
    """A table in Markdown."""
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in (head, ['---'] * len(head), *lines))


def step_text(step):
    return f'{np.datetime_as_string(step.time, "D")}: {1000 * step.size_mag:+.0f} ± {1000 * step.error_mag:.0f}'


def whole_table(series):
    lines = []
    for name, fit in series.whole.items():
        residual, of_rule = fit.night_residual_mag[fit.photometric], clear_residuals(series, fit, name)
        lines.append([
            name, f'{len(fit.night)}', f'{fit.photometric.sum()}',
            f'{called(fit, series.judged.clear, clear=True):.0%}', f'{called(fit, series.judged.dim, clear=False):.0%}',
            mmag(rms(residual)), f'{1000 * np.mean(of_rule):+.1f}', mmag(np.std(of_rule)), mmag(fit.night_noise_mag),
            f'{fit.model_mag[-1]:.4f}', mmag(fit.model_error_mag[-1]), ', '.join(map(step_text, fit.steps)) or 'none'])
    return table(['filter', 'nights', 'clear', 'clear by the rule: clear', 'dim: cloudy', 'clear: rms',
                  'clear by the rule: mean - level', 'scatter', 'night noise', 'level at the end, mag', 'its error',
                  'steps'], lines)


def block_table(series):
    lines = []
    for name, (single, raw, several) in left_out(series).items():
        lines.append([name, f'{len(single)}', judged_by(rms(single), 'block nights', f'{rms(single):.2f}'),
                      f'{np.mean(single):+.2f}', f'{rms(raw):.2f}', f'{len(several)}',
                      judged_by(rms(several), 'block means', f'{rms(several):.2f}')])
    return table(['filter', 'nights', 'pull rms', 'mean', 'rms with fields', f'means of {SEVERAL} or more',
                  'pull rms'], lines)


def last_table(series):
    lines = []
    for name, of in the_last(series).items():
        error = rms(of.model_error_mag)
        lines.append([name, f'{len(of.pull)}', f'{1000 * np.mean(of.difference_mag):+.1f}',
                      judged_by(rms(of.pull), 'last nights', f'{rms(of.pull):.2f}'),
                      judged_by(error, 'z level error' if name == 'zp' else 'level error', mmag(error)),
                      mmag(of.model_error_mag.max())])
    return table(['filter', 'nights', 'mean - level', 'pull rms', 'stated error of the level, rms', 'largest'], lines)


def alone_table(series):
    fit, joint = series.fit(filters=['zp'])['zp'], series.whole['zp']
    clear, cloudy = called(fit, series.judged.clear, clear=True), called(fit, series.judged.dim, clear=False)
    higher = fit.model_mag - joint.at(fit.time)[0]
    below = np.mean(clear_residuals(series, fit, 'zp'))
    return table(['clear by the rule: clear', 'dim: cloudy', 'clear by the rule: mean - level',
                  'level - level with g, r, i: mean', 'rms', 'largest'],
                 [[judged_by(clear, 'z alone clear', f'{clear:.0%}'),
                   judged_by(cloudy, 'z alone cloudy', f'{cloudy:.0%}'), f'{1000 * below:+.1f}',
                   f'{1000 * np.mean(higher):+.1f}', mmag(rms(higher)),
                   mmag(np.abs(higher).max())]])


def goal(name, scale=1, unit=''):
    """A goal as text."""
    return ' to '.join(f'{scale * value:g}{unit}' for value in GOALS[name])


def report(series):
    """All tables, as they stand in the document."""
    clear, dim = len(series.judged.clear), len(series.judged.dim)
    return '\n\n'.join((
        f'{len(series.nights)} nights, of which {clear} are clear and {dim} dim by the rule. In mmag, if nothing else '
        'is said; (!) marks what misses its goal. All filters together:', whole_table(series),
        f'Blocks of {BLOCK_DAYS} days left out; goals {goal("block nights")} for nights, {goal("block means")} for '
        'means:', block_table(series),
        f'The last nights from the first {FIRST_SHARE:.0%}; goals {goal("last nights")} for the pulls, a stated error '
        f'below {1000 * GOALS["level error"][1]:g}, in z {1000 * GOALS["z level error"][1]:g}:', last_table(series),
        f'z alone; goals {100 * GOALS["z alone clear"][0]:g}% and {100 * GOALS["z alone cloudy"][0]:g}%:',
        alone_table(series)))


def refreshed(document, text):
    """A document with a text between its two marks."""
    marks = r'(<!-- tables of realseries -->\n).*(<!-- end of these tables -->)'
    new, count = re.subn(marks, lambda match: f'{match[1]}\n{text}\n\n{match[2]}', document, flags=re.DOTALL)
    if count != 1:
        raise ValueError('the document has no place for the tables of realseries')
    return new


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--picture', type=Path, metavar='PNG', help='draw the fit there')
    parser.add_argument('--write', action='store_true', help='put tables and picture into docs/')
    args = parser.parse_args(argv)
    series = RealSeries.read()
    text = report(series)
    print(text)
    if args.write:
        DOCUMENT.write_text(refreshed(DOCUMENT.read_text(encoding='utf-8'), text), encoding='utf-8')
    for path in [args.picture] * bool(args.picture) + [PICTURE] * args.write:
        path.write_bytes(picture(series.whole, {name: night_means(rows) for name, rows in series.rows.items()}))
    return 0


if __name__ == '__main__':
    sys.exit(main())
