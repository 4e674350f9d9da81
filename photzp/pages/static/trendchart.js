// The chart of a trend, drawn with uPlot from the data that docs/trenddata.md describes.  uPlot has axes, cursor and
// selection; points, model and events are drawn here as the plot has them.  Whatever is in the data is only ever text
// of an element or of the canvas.
'use strict';

(() => {
  const DAY = 86400;
  const SHORTEST = DAY / 2; // of a view
  const CLEAR = 5, NOT_JUDGED = -1; // tenths, see the document
  const REACH_PX = 24; // from the cursor to a point
  const FEW = 400; // points in view that leave room for larger ones
  const COLOURS = 5; // of cameras, in trend.css
  const MIRROR = ['wash', 'recoating', 'break'];
  const SIGNS = ['●', '▲', '■', '◆', '▼', '✚', '✖'];
  const PLUS = [[-.35, -1], [.35, -1], [.35, -.35], [1, -.35], [1, .35], [.35, .35], [.35, 1], [-.35, 1], [-.35, .35],
    [-1, .35], [-1, -.35], [-.35, -.35]];
  const SHAPES = [null, [[0, -1.1], [1.05, .8], [-1.05, .8]], [[-.9, -.9], [.9, -.9], [.9, .9], [-.9, .9]],
    [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]], [[0, 1.1], [1.05, -.8], [-1.05, -.8]], PLUS,
    PLUS.map(([x, y]) => [(x - y) * .71, (x + y) * .71])]; // of cameras, in the order of SIGNS
  const AXES = ['zeropoint at airmass 1 [mag]', 'throughput [% of reference]'];
  const HINT = 'Drag to zoom, double-click for the whole. Keys: left and right move, + and − zoom, shift with left or '
    + 'right goes from point to point, Escape brings the image back.';

  // -- data

  function sums(differences) {
    const values = new Float64Array(differences.length);
    let sum = 0;
    differences.forEach((each, i) => { values[i] = sum += each; });
    return values;
  }

  function decode(tree) {
    const { points, frames, model } = tree;
    const zp = Float64Array.from(points.zp, (mmag) => tree.zero_mag + mmag / 1000);
    const date = sums(frames.date);
    const name = (i) => {
      const [head, tail, digits] = frames.forms[frames.form[i]];
      const number = String(frames.number[i]).padStart(digits, '0');
      return digits ? `${head}${String(date[i]).padStart(8, '0')}-${number}${tail}` : head;
    };
    const lines = model.start.map((start, n) => {
      const line = [];
      for (let i = start; i < (model.start[n + 1] ?? model.time.length); i++) {
        line.push([model.time[i], tree.zero_mag + model.zp[i] / 1000, (model.error[i] ?? 0) / 1000]);
      }
      return line;
    }).filter((line) => line.length);
    const least = lines.length ? CLEAR + 1 : NOT_JUDGED; // without a model nothing was judged
    const time = sums(points.time);
    const first = time[0], last = Math.max(tree.until, time[time.length - 1]);
    const events = tree.events.map(([day, kind, note]) => ({ time: Date.parse(`${day}T12:00Z`) / 1000, kind, note }));
    return {
      ...tree, time, zp, name, lines, events, camera: points.camera, clear: points.clear,
      isClear: (i) => points.clear[i] >= least, isUsable: (i) => points.clear[i] >= NOT_JUDGED,
      start: first - 0.012 * (last - first), end: last,
    };
  }

  /** Index of the first of the sorted values that is not below one. */
  function indexOf(values, value) {
    let low = 0, high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  function quantile(values, share) {
    return values.sort((one, other) => one - other)[Math.floor(share * (values.length - 1))];
  }

  /** Limits that hold all clear points in view and the model, some of what clouds dim, and as a whole the good band. */
  function limits(data, from, to) {
    let low = Infinity, high = -Infinity;
    const cloudy = [];
    const hold = (value) => {
      low = Math.min(low, value);
      high = Math.max(high, value);
    };
    for (let i = indexOf(data.time, from); i < data.time.length && data.time[i] <= to; i++) {
      if (data.isClear(i)) {
        hold(data.zp[i]);
      } else if (data.isUsable(i)) {
        cloudy.push(data.zp[i]);
      }
    }
    for (const line of data.lines) {
      for (const [time, zp, error] of line) {
        if (time >= from && time <= to) {
          hold(zp - Math.min(error, .1));
          hold(zp + Math.min(error, .1));
        }
      }
    }
    const whole = from <= data.start && to >= data.end;
    const reference = data.reference_mag;
    if (low > high) {
      hold(cloudy.length ? quantile(cloudy, .5) : reference ?? data.zp[0]);
    }
    if (whole && reference !== null && reference - 1.5 < high && low < reference + 1.5) {
      hold(reference);
      hold(reference - data.healthy_mag);
    }
    if (cloudy.length) {
      const reach = whole ? Math.min(Math.max(high - low, .2), .5) : .3 * (high - low);
      low = Math.min(low, Math.max(quantile(cloudy, .05), low - reach));
    }
    const margin = Math.max(.06 * (high - low), (.02 - (high - low)) / 2, .005);
    return [low - margin, high + margin];
  }

  // -- words

  const two = (number) => String(number).padStart(2, '0');
  const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

  function moment(seconds) {
    return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
  }

  /** Labels of a time axis: what changes from one to the next, and below what it belongs to, where that changes. */
  function timeLabels(u, splits, _axis, _space, step) {
    let before = '';
    return splits.map((seconds) => {
      const time = new Date(seconds * 1000);
      const year = String(time.getUTCFullYear()), month = MONTHS[time.getUTCMonth()];
      const [label, of] = step >= 365 * DAY ? [year, '']
        : step >= 28 * DAY ? [month, year]
          : step >= DAY ? [`${time.getUTCDate()} ${month}`, year]
            : [`${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`, `${time.getUTCDate()} ${month} ${year}`];
      const below = of === before ? '' : `\n${of}`;
      before = of;
      return label + below;
    });
  }

  /** Digits that values in steps of this size differ in. */
  function digitsOf(step) {
    let digits = 0;
    while (digits < 6 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) {
      digits++;
    }
    return digits;
  }

  function percentScale(reference) {
    const percent = (zp) => 100 * 10 ** (0.4 * (zp - reference));
    const magnitude = (value) => reference + 2.5 * Math.log10(value / 100);
    const splits = (u, _axis, low, high) => {
      const bottom = percent(low), top = percent(high), rough = (top - bottom) / 8;
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
      const found = [];
      for (let n = Math.max(1, Math.ceil(bottom / step)); n * step <= top && found.length < 30; n++) {
        found.push(magnitude(n * step));
      }
      return found;
    };
    return { percent, splits, values: (u, found) => found.map((zp) => String(Number(percent(zp).toPrecision(6)))) };
  }

  // -- drawing

  function painter(data, colour) {
    const place = (u) => {
      const { left, top, width, height } = u.bbox;
      const { x, y } = u.scales;
      return {
        left, top, right: left + width, bottom: top + height, ratio: window.devicePixelRatio,
        x: (time) => left + (time - x.min) / (x.max - x.min) * width,
        y: (zp) => top + (y.max - zp) / (y.max - y.min) * height,
      };
    };

    function clipped(u, draw) {
      const at = place(u);
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(at.left, at.top, at.right - at.left, at.bottom - at.top);
      u.ctx.clip();
      draw(u.ctx, at);
      u.ctx.restore();
    }

    function band(u) {
      if (data.reference_mag !== null) {
        clipped(u, (ctx, at) => {
          const top = at.y(data.reference_mag);
          ctx.fillStyle = colour('band');
          ctx.fillRect(at.left, top, at.right - at.left, at.y(data.reference_mag - data.healthy_mag) - top);
        });
      }
    }

    function add(path, shape, x, y, size) {
      if (shape === null) {
        path.moveTo(x + size, y);
        path.arc(x, y, size, 0, 2 * Math.PI);
      } else {
        shape.forEach(([dx, dy], n) => path[n ? 'lineTo' : 'moveTo'](x + size * dx, y + size * dy));
        path.closePath();
      }
    }

    /** Points in view by camera and kind, one a pixel; those beyond the limits by side. */
    function sorted(u, at, size) {
      const groups = new Map(), beyond = { above: [], below: [] };
      const width = Math.ceil(at.right - at.left) + 1, taken = new Int16Array(width * (Math.ceil(at.bottom - at.top) + 1));
      const to = indexOf(data.time, u.scales.x.max + 1);
      for (let i = indexOf(data.time, u.scales.x.min); i < to; i++) {
        const x = at.x(data.time[i]), y = at.y(data.zp[i]);
        if (y < at.top || y > at.bottom) {
          if (data.isUsable(i)) {
            beyond[y < at.top ? 'above' : 'below'].push(x);
          }
          continue;
        }
        const kind = data.isClear(i) ? 2 : data.isUsable(i) ? 0 : 1; // in the order of drawing
        const key = kind === 1 ? kind : 3 * data.camera[i] + kind;
        const pixel = Math.round(x - at.left) + width * Math.round(y - at.top);
        if (taken[pixel] !== key + 1) {
          taken[pixel] = key + 1;
          if (!groups.has(key)) {
            groups.set(key, { kind, camera: data.camera[i], path: new Path2D() });
          }
          add(groups.get(key).path, kind === 1 ? SHAPES[6] : SHAPES[data.camera[i] % SHAPES.length], x, y, size);
        }
      }
      return { groups: [...groups.values()].sort((one, other) => one.kind - other.kind), beyond };
    }

    function points(u, size) {
      clipped(u, (ctx, at) => {
        const inView = indexOf(data.time, u.scales.x.max) - indexOf(data.time, u.scales.x.min);
        const { groups, beyond } = sorted(u, at, size * at.ratio * (inView < FEW ? 1.5 : 1));
        for (const { kind, camera, path } of groups) {
          ctx.globalAlpha = kind === 0 ? colour('dim') : 1;
          ctx.fillStyle = colour(kind === 1 ? 'unusable' : `camera-${camera % COLOURS}`);
          ctx.fill(path);
        }
        ctx.globalAlpha = 1;
        if (size > 1) {
          triangles(ctx, at, beyond.above, 1);
          triangles(ctx, at, beyond.below, -1);
        }
      });
    }

    /** At the edge, where points lie beyond it, and how many. */
    function triangles(ctx, at, places, side) {
      if (!places.length) {
        return;
      }
      const edge = side > 0 ? at.top : at.bottom, size = 2.5 * at.ratio, path = new Path2D();
      const columns = new Set(places.map((x) => Math.floor((x - at.left) / (2 * size))));
      for (const column of columns) {
        add(path, SHAPES[side > 0 ? 1 : 4], at.left + (2 * column + 1) * size, edge + side * 1.5 * size, size);
      }
      ctx.fillStyle = colour('muted');
      ctx.fill(path);
      ctx.textBaseline = side > 0 ? 'top' : 'bottom';
      ctx.textAlign = 'left';
      label(ctx, at, `${places.length} ${side > 0 ? 'above' : 'below'}`, at.left + 4 * at.ratio,
        edge + side * 4 * size, 'muted');
    }

    function label(ctx, at, text, x, y, name) {
      ctx.font = `${11 * at.ratio}px ${colour('font')}`;
      ctx.lineWidth = 3 * at.ratio;
      ctx.lineJoin = 'round';
      ctx.strokeStyle = colour('back');
      ctx.strokeText(text, x, y);
      ctx.fillStyle = colour(name);
      ctx.fillText(text, x, y);
    }

    function model(u, width) {
      clipped(u, (ctx, at) => {
        for (const line of data.lines) {
          const path = new Path2D(), error = new Path2D();
          line.forEach(([time, zp], n) => path[n ? 'lineTo' : 'moveTo'](at.x(time), at.y(zp)));
          line.forEach(([time, zp, e], n) => error[n ? 'lineTo' : 'moveTo'](at.x(time), at.y(zp + e)));
          [...line].reverse().forEach(([time, zp, e]) => error.lineTo(at.x(time), at.y(zp - e)));
          ctx.fillStyle = colour('model');
          ctx.globalAlpha = .25;
          ctx.fill(error);
          ctx.globalAlpha = 1;
          ctx.strokeStyle = colour('back');
          ctx.lineWidth = (width + 1.4) * at.ratio;
          ctx.stroke(path);
          ctx.strokeStyle = colour('model');
          ctx.lineWidth = width * at.ratio;
          ctx.stroke(path);
        }
      });
    }

    function events(u, labelled) {
      clipped(u, (ctx, at) => {
        let end = -Infinity;
        for (const { time, kind, note } of data.events) {
          const x = at.x(time);
          if (x < at.left || x > at.right) {
            continue;
          }
          const own = { cleaning: 'cleaning', 'unrecorded step': 'unrecorded' };
          const name = MIRROR.includes(kind) ? 'mirror' : own[kind] || 'instrument';
          const dash = { cleaning: [1.5, 2.5], mirror: [6, 4], unrecorded: [1.5, 3], instrument: [7, 3, 1.5, 3] }[name];
          ctx.strokeStyle = colour(name);
          ctx.lineWidth = 1.4 * at.ratio;
          ctx.setLineDash(dash.map((each) => each * at.ratio));
          ctx.beginPath();
          ctx.moveTo(x, at.top);
          ctx.lineTo(x, at.bottom);
          ctx.stroke();
          ctx.setLineDash([]);
          if (labelled && x - end > 15 * at.ratio) {
            const text = note ? `${kind}: ${note}` : kind;
            ctx.save();
            ctx.translate(x - 3 * at.ratio, at.bottom - 26 * at.ratio);
            ctx.rotate(-Math.PI / 2);
            ctx.textBaseline = 'bottom';
            ctx.textAlign = 'left';
            label(ctx, at, text.length > 34 ? `${text.slice(0, 33)}…` : text, 0, 0, `${name}-text`);
            ctx.restore();
            end = x;
          }
        }
      });
    }

    return { band, points, model, events };
  }

  // -- elements

  function element(tag, className, text = '') {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function colourOf(box) {
    const style = getComputedStyle(box);
    return (name) => (name === 'font' ? style.fontFamily : style.getPropertyValue(`--trend-${name}`).trim());
  }

  /** What the signs mean. */
  function legend(data, narrow) {
    const list = element('ul', 'keys');
    const counts = data.cameras.map((_, n) => data.camera.filter((camera, i) => camera === n && data.isUsable(i)).length);
    const key = (sign, name, text) => {
      const item = element('li', '');
      const mark = element('span', '', sign);
      mark.style.color = `var(--trend-${name})`;
      mark.setAttribute('aria-hidden', 'true');
      item.append(mark, ` ${text}`);
      list.append(item);
    };
    data.cameras.forEach((camera, n) => key(SIGNS[n % SIGNS.length], `camera-${n % COLOURS}`, `${camera} (${counts[n]})`));
    key('●', 'light', 'lighter: cloudy, wild, not fitted');
    key('✖', 'unusable', 'not usable');
    key('━', 'model', 'model ± error');
    if (data.reference_mag !== null) {
      key('■', 'band-key', `good: ${+(data.reference_mag - data.healthy_mag).toFixed(3)} to ${data.reference_mag} mag`);
    }
    if (narrow) {
      key('↕', 'text', `left: ${AXES[0]}${data.reference_mag === null ? '' : `, right: ${AXES[1]}`}`);
    }
    return list;
  }

  // -- the chart

  function build(tree, figure, leave) {
    const data = decode(tree);
    if (!data.time.length) {
      throw new Error('There are no points to zoom into.');
    }
    const box = element('div', 'chart'), tools = element('div', 'tools'), plot = element('div', 'plot');
    const readout = element('p', 'readout', HINT), mark = element('i', 'mark'), range = element('span', 'range');
    plot.tabIndex = 0;
    plot.setAttribute('role', 'application');
    plot.setAttribute('aria-label', `Chart of ${data.telescope} in ${data.filter}. ${HINT}`);
    [readout, range].forEach((each) => each.setAttribute('role', 'status'));
    box.append(tools, plot, readout);
    figure.before(box);
    const narrow = plot.clientWidth < 560; // no room for names beside the axes
    box.append(legend(data, narrow));

    const colour = colourOf(box), paint = painter(data, colour);
    const scale = data.reference_mag === null ? null : percentScale(data.reference_mag);
    const grid = { stroke: () => colour('grid'), width: 1 }, ink = () => colour('text');
    const style = { stroke: ink, grid, ticks: { ...grid, size: 5 }, font: `12px ${colour('font')}`, labelSize: 20,
      labelFont: `12px ${colour('font')}` };
    const named = (name) => (narrow ? {} : { label: name });
    const beside = narrow ? [48, 40] : [76, 66]; // left and right of the plot [pixel]
    const right = scale ? beside[1] : 14;
    const size = () => ({ width: plot.clientWidth, height: narrow ? 300 : 400 });
    const as = (_, low, high) => [low, high];
    const common = {
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
      legend: { show: false },
      series: [{}, { paths: () => null, points: { show: false } }],
      padding: [10, scale ? 0 : right, 0, 0],
    };
    const columns = [data.time, data.zp];
    let at = -1; // the point that is told

    const main = new uPlot({
      ...common, ...size(),
      scales: { x: { time: true, range: as }, y: { auto: false, range: as } },
      axes: [
        { ...style, values: timeLabels, space: 70, size: 46 },
        { ...style, ...named(AXES[0]), size: narrow ? beside[0] : beside[0] - 20,
          values: (u, splits, _axis, _space, step) => splits.map((value) => value.toFixed(digitsOf(step))) },
        ...(scale ? [{ ...style, ...named(AXES[1]), size: narrow ? right : right - 20,
          side: 1, scale: 'y', grid: { show: false }, splits: scale.splits, values: scale.values }] : []),
      ],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => showWhole() } },
      hooks: {
        drawClear: [paint.band],
        draw: [(u) => paint.points(u, 1.7), (u) => paint.model(u, 2), (u) => paint.events(u, true)],
        setCursor: [hover],
        setSelect: [(u) => choose(u)],
      },
    }, columns, plot);
    main.over.append(mark);

    const strip = new uPlot({
      ...common, width: plot.clientWidth, height: 60,
      scales: { x: { time: true, range: () => [data.start, data.end] },
        y: { auto: false, range: () => limits(data, data.start, data.end) } },
      axes: [{ show: false }, { show: false }],
      padding: [2, right, 2, beside[0]],
      cursor: { x: false, y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
      hooks: {
        drawClear: [paint.band],
        draw: [(u) => paint.points(u, .8), (u) => paint.model(u, 1), (u) => paint.events(u, false)],
        setSelect: [(u) => choose(u)],
      },
    }, columns, plot);
    strip.root.classList.add('strip');
    strip.over.addEventListener('click', () => markView()); // a click without a drag has taken the mark away

    // -- views

    function show(from, to) {
      const span = Math.min(Math.max(to - from, SHORTEST), data.end - data.start);
      const middle = (from + to) / 2;
      const start = Math.min(Math.max(middle - span / 2, data.start), data.end - span);
      const [low, high] = limits(data, start, start + span);
      main.batch(() => {
        main.setScale('x', { min: start, max: start + span });
        main.setScale('y', { min: low, max: high });
      });
      range.textContent = `${moment(start).slice(0, 10)} to ${moment(start + span).slice(0, 10)}`;
      markView();
      placeMark();
    }

    const showWhole = () => show(data.start, data.end);

    function showLast(days) {
      const last = data.time[data.time.length - 1];
      show(last - days * DAY, last + .02 * days * DAY);
    }

    const view = () => [main.scales.x.min, main.scales.x.max];

    function move(share) {
      const [from, to] = view(), by = share * (to - from);
      show(from + by, to + by);
    }

    function zoom(factor) {
      const [from, to] = view(), middle = (from + to) / 2, half = (to - from) / 2 / factor;
      show(middle - half, middle + half);
    }

    /** Show what was selected by dragging, in the chart or in the strip. */
    function choose(u) {
      const { left, width } = u.select;
      if (width > 2) {
        const from = u.posToVal(left, 'x'), to = u.posToVal(left + width, 'x');
        u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        show(from, to);
      }
    }

    /** Mark in the strip what the chart shows. */
    function markView() {
      const [from, to] = view();
      const left = strip.valToPos(from, 'x'), right = strip.valToPos(to, 'x');
      const isWhole = from <= data.start && to >= data.end;
      strip.setSelect({ left, width: isWhole ? 0 : Math.max(right - left, 3), top: 0, height: strip.over.clientHeight }, false);
    }

    // -- points

    function hover(u) {
      const { left, top } = u.cursor;
      if (left === undefined || left < 0) {
        return;
      }
      let best = -1, least = REACH_PX ** 2;
      const to = u.posToVal(left + REACH_PX, 'x');
      for (let i = indexOf(data.time, u.posToVal(left - REACH_PX, 'x')); i < data.time.length && data.time[i] <= to; i++) {
        const away = (u.valToPos(data.time[i], 'x') - left) ** 2 + (u.valToPos(data.zp[i], 'y') - top) ** 2;
        if (away < least) {
          [best, least] = [i, away];
        }
      }
      if (best >= 0 && best !== at) {
        tell(best);
      }
    }

    /** Say what is known of a point. */
    function tell(i) {
      at = i;
      const percent = scale ? `${scale.percent(data.zp[i]).toFixed(1)} %` : null;
      const quality = data.isClear(i) ? null : data.isUsable(i) ? 'cloudy, wild or not fitted' : 'not usable';
      const parts = [`${moment(data.time[i])} UTC`, `${data.zp[i].toFixed(3)} mag`, percent,
        data.cameras[data.camera[i]], data.name(i), quality].filter((part) => part !== null);
      readout.replaceChildren(...parts.map((part) => element('span', '', part)));
      placeMark();
    }

    function placeMark() {
      const [from, to] = view();
      mark.hidden = at < 0 || data.time[at] < from || data.time[at] > to;
      if (!mark.hidden) {
        const top = Math.min(Math.max(main.valToPos(data.zp[at], 'y'), 0), main.over.clientHeight);
        mark.style.transform = `translate(${main.valToPos(data.time[at], 'x')}px, ${top}px)`;
      }
    }

    /** Go to the next point or the one before; the first time, to the last point in view. */
    function step(by) {
      const [from, to] = view();
      const outside = at < 0 || data.time[at] < from || data.time[at] > to;
      const wanted = outside ? indexOf(data.time, to) - 1 : at + by;
      const next = Math.min(Math.max(wanted, 0), data.time.length - 1);
      if (data.time[next] < from || data.time[next] > to) {
        const half = (to - from) / 2;
        show(data.time[next] - half, data.time[next] + half);
      }
      tell(next);
    }

    // -- keys and buttons

    const keys = {
      ArrowLeft: () => move(-.25), ArrowRight: () => move(.25), '+': () => zoom(2), '=': () => zoom(2),
      '-': () => zoom(.5), '−': () => zoom(.5), Home: showWhole, Escape: close,
    };
    const shifted = { ArrowLeft: () => step(-1), ArrowRight: () => step(1) };

    box.addEventListener('keydown', (event) => {
      const own = event.shiftKey && shifted[event.key] || keys[event.key];
      if (own && !event.ctrlKey && !event.altKey && !event.metaKey && (event.key === 'Escape' || event.target === plot)) {
        event.preventDefault();
        event.stopPropagation();
        own();
      }
    });
    for (const [text, name, action] of [
      ['Last month', null, () => showLast(30)], ['Last year', null, () => showLast(365)], ['Whole', null, showWhole],
      ['+', 'Zoom in', () => zoom(2)], ['−', 'Zoom out', () => zoom(.5)], ['←', 'Earlier', () => move(-.5)],
      ['→', 'Later', () => move(.5)], ['Image', 'Back to the image', close]]) {
      const button = element('button', '', text);
      button.type = 'button';
      if (name) {
        button.setAttribute('aria-label', name);
        button.title = name;
      }
      button.addEventListener('click', action);
      tools.append(button);
    }
    tools.lastChild.before(range);

    // -- size and colours

    const resized = new ResizeObserver(() => {
      if (plot.clientWidth && plot.clientWidth !== main.width) {
        main.setSize(size());
        strip.setSize({ width: plot.clientWidth, height: 60 });
        markView();
        placeMark();
      }
    });
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = () => [main, strip].forEach((each) => each.redraw(false, true));

    function close() {
      resized.disconnect();
      scheme.removeEventListener('change', redraw);
      main.destroy();
      strip.destroy();
      box.remove();
      leave();
    }

    resized.observe(plot);
    scheme.addEventListener('change', redraw);
    showWhole();
    plot.focus({ preventScroll: true });
  }

  window.showTrend = build;
})();
