// What the pages do beyond being read: a tab for each filter, a table that sorts, plots at full size.
//
// Everything is there without it.  The filter and the order of the table are kept in the address, as in
// index.html?filter=rp&sort=-slope, so that they can be sent to somebody, and stay when the page is loaded again.
'use strict';

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// -- what the address says --------------------------------------------------------------------------------------------

function chosen(name) {
  return new URLSearchParams(location.search).get(name) || '';
}

function choose(name, value, history_ = 'pushState') {
  const asked = new URLSearchParams(location.search);
  if (value) asked.set(name, value); else asked.delete(name);
  history[history_](null, '', (String(asked) ? `?${asked}` : location.pathname) + location.hash);
  show();
}

function show() {
  const filter = tabs.some((tab) => tab.dataset.filter === chosen('filter')) ? chosen('filter') : '';
  showFilter(filter);
  if (fleet) showFleet(filter);
  if (table) sortTable(chosen('sort'));
}

// -- filters ----------------------------------------------------------------------------------------------------------

const tabs = all('.tabs a');
const filterOf = (place) => place.split('.').pop(); // of telescope.lsc-doma-1m0a.rp; no name has a dot of its own

function showFilter(filter) {
  for (const tab of tabs) {
    if (tab.dataset.filter === filter) tab.setAttribute('aria-current', 'true');
    else tab.removeAttribute('aria-current');
  }
  for (const each of all('main [data-filter]')) each.hidden = filter !== '' && each.dataset.filter !== filter;
  for (const each of all('.telescope')) each.hidden = !all('[data-filter]', each).some((series) => !series.hidden);
  for (const each of all('.of-all')) each.hidden = filter !== '';
}

function onTab(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose('filter', event.currentTarget.dataset.filter);
}

// -- the overview: cards are made of the rows of the table where one filter is chosen ---------------------------------

const fleet = document.querySelector('.fleet ol');
const cards = fleet ? all('li', fleet).map((card) => ({ card, mean: factsOfCard(card) })) : [];
const rows = all('.status tbody tr');
const placeOf = (row) => row.querySelector('td a').getAttribute('href');
const rowAt = new Map(rows.map((row) => [placeOf(row), row]));

function factsOfCard(card) {
  return {
    state: card.className, percent: card.querySelector('.percent').firstChild.data,
    slope: card.querySelector('.change').textContent, line: card.querySelector('svg'),
    seen: card.querySelector('.seen')?.textContent,
  };
}

function factsOfRow(row) {
  const percent = numberIn(row.cells[2]);
  return {
    state: row.className || 'unknown', percent: Number.isNaN(percent) ? '–' : percent.toFixed(0),
    slope: /[−+]?[\d.]+|–/.exec(row.cells[4].textContent)[0],
    line: lineOfRow(row.querySelector('svg')), seen: row.cells[5].querySelector('.bad')?.textContent,
  };
}

// The trend line with the dot at its end that those of cards have.
function lineOfRow(line) {
  if (!line) return null;
  const [copy, dot] = [line.cloneNode(true), line.querySelector('path').cloneNode()];
  dot.setAttribute('d', `M${/[\d.]+ [\d.]+(?=(h0)?$)/.exec(dot.getAttribute('d'))[0]}h0`);
  dot.setAttribute('class', 'end');
  copy.append(dot);
  return copy;
}

function showFleet(filter) {
  for (const each of cards) {
    const row = rowAt.get(`#${each.card.dataset.at}.${filter}`);
    each.card.hidden = filter !== '' && !row;
    each.facts = row ? factsOfRow(row) : each.mean;
    fill(each.card, each.facts);
  }
  const order = ({ facts }) => [['low', 'good'].indexOf(facts.state) + 1 || 3, parseFloat(facts.percent) || Infinity];
  const sorted = filter === '' ? cards : cards.toSorted((a, b) => compare(order(a), order(b)));
  fleet.append(...sorted.map((each) => each.card));
}

function fill(card, facts) {
  card.className = facts.state;
  card.querySelector('.word').textContent = facts.state;
  card.querySelector('.percent').firstChild.data = facts.percent;
  card.querySelector('.change').textContent = facts.slope;
  card.querySelector('svg')?.remove();
  if (facts.line) card.querySelector('.percent').after(facts.line);
  card.querySelector('.seen').textContent = facts.seen || '';
}

// -- the table --------------------------------------------------------------------------------------------------------

const table = document.querySelector('table.status');
const groups = table ? [...table.tBodies].map((body) => [body, [...body.rows]]) : [];

function numberIn(cell) {
  const found = /\d{4}-\d\d-\d\d|[-+]?\d+(\.\d+)?/.exec((cell?.textContent || '').replace('−', '-'));
  return found === null ? NaN : found[0].length === 10 ? Date.parse(found[0]) : Number(found[0]);
}

function compare(one, other) {
  const n = one.findIndex((value, at) => value !== other[at]);
  return n < 0 ? 0 : one[n] < other[n] ? -1 : 1;
}

function sortTable(order) {
  const name = order.replace('-', '');
  const heads = [...table.tHead.rows[0].cells];
  const column = heads.findIndex((head) => head.dataset.sort === name);
  for (const [n, head] of heads.entries()) {
    if (n === column) head.setAttribute('aria-sort', order[0] === '-' ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  }
  table.classList.toggle('mixed', column >= 0 || chosen('filter') !== '');
  for (const [body, own] of groups) body.append(...own);
  if (column < 0) table.append(...groups.map(([body]) => body));
  else {
    for (const [body] of groups.slice(1)) body.remove();
    groups[0][0].append(...sortedRows(column, order[0] === '-' ? -1 : 1));
  }
}

function sortedRows(column, sign) {
  const filters = tabs.map((tab) => tab.dataset.filter);
  const value = { 0: (row, n) => n, 1: (row) => filters.indexOf(row.dataset.filter) }[column]
    || ((row) => numberIn(row.cells[column]));
  // What is not known comes last either way.
  const key = (v, n) => [Number.isNaN(v) ? 1 : 0, sign * v || 0, n];
  const keyed = rows.map((row, n) => ({ row, key: key(value(row, n), n) }));
  return keyed.sort((a, b) => compare(a.key, b.key)).map((each) => each.row);
}

// Each row names its telescope, the first of a telescope links to it: any of them may come to stand alone.
function linkRows() {
  for (const [body, own] of groups) {
    const link = body.querySelector('th a');
    for (const row of link ? own.slice(1) : []) row.cells[0].replaceChildren(link.cloneNode(true));
  }
}

function makeSortable() {
  for (const head of all('[data-sort]', table)) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    button.addEventListener('click', () => choose('sort', next(chosen('sort'), head.dataset.sort), 'replaceState'));
    head.append(button);
  }
}

// Upwards, downwards, and as it was.
function next(order, name) {
  return order === name ? `-${name}` : order === `-${name}` ? '' : name;
}

// -- plots at full size -----------------------------------------------------------------------------------------------

const viewer = document.createElement('dialog');

function partsOf(name) {
  const series = /^([a-z]+)-([^-]+-[^-]+-[^-]+)-(.+)\.png$/.exec(name);
  if (series) return { across: `${series[1]} ${series[3]}`, along: series[2], what: 'telescope' };
  const overview = /^(.+)_([^_]+)\.png$/.exec(name);
  if (overview) return { across: overview[1], along: overview[2], what: 'filter' };
  const other = /^([a-z]+)-(.+)\.png$/.exec(name);
  return { across: other?.[1], along: other?.[2], what: other?.[2].includes('-') ? 'telescope' : 'site' };
}

// {file name: what is known of its plot}, in the order of the page.
function plots() {
  const found = new Map();
  for (const link of all('main a[href$=".png"]')) {
    const name = link.getAttribute('href');
    if (link.closest('[hidden]') || (found.has(name) && !link.querySelector('img'))) continue;
    found.set(name, { name, link, said: link.querySelector('img')?.alt || link.title || name, ...partsOf(name) });
  }
  return [...found.values()];
}

function step(shown, by, same) {
  const row = plots().filter((plot) => plot[same] === shown[same]);
  return row[row.findIndex((plot) => plot.name === shown.name) + by];
}

function view(plot) {
  const image = viewer.querySelector('img');
  image.removeAttribute('src');
  image.src = plot.name;
  image.alt = plot.said;
  viewer.querySelector('p').textContent = plot.said;
  viewer.querySelector('a').href = plot.name;
  viewer.querySelector('.what').textContent = plot.what;
  viewer.querySelector('.along').textContent = plot.along;
  for (const button of all('button[data-key]', viewer)) button.disabled = !step(plot, ...STEPS[button.dataset.key]);
  viewer.shown = plot;
  if (!viewer.open) viewer.showModal();
}

const STEPS = { ArrowLeft: [-1, 'across'], ArrowRight: [1, 'across'], ArrowUp: [-1, 'along'], ArrowDown: [1, 'along'] };

function go(key) {
  const plot = step(viewer.shown, ...STEPS[key]);
  if (plot) view(plot);
}

function makeViewer() {
  viewer.setAttribute('aria-label', 'Plot at full size');
  viewer.innerHTML = `<header><p aria-live="polite"></p><button type="button" data-close>Close</button></header>
    <img alt="">
    <footer><button type="button" data-key="ArrowLeft" aria-label="Previous">←</button>
    <button type="button" data-key="ArrowRight" aria-label="Next">→</button>
    <small>other <span class="what"></span></small>
    <button type="button" data-key="ArrowUp" aria-label="Previous plot of the same">↑</button>
    <button type="button" data-key="ArrowDown" aria-label="Next plot of the same">↓</button>
    <small>other plots of <span class="along"></span> · arrow keys do the same, Esc closes · <a>the file</a></small>
    </footer>`;
  document.body.append(viewer);
  viewer.addEventListener('keydown', (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    go(event.key);
  });
  viewer.addEventListener('click', (event) => {
    if (event.target === viewer || 'close' in event.target.dataset) viewer.close();
    else if (event.target.dataset.key) go(event.target.dataset.key);
  });
}

function onPlot(event) {
  const link = event.target.closest('main a[href$=".png"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  view(plots().find((plot) => plot.name === link.getAttribute('href')));
}

// -- places, print, and a page that is left open ----------------------------------------------------------------------

function reveal() {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!place) return;
  if (place.closest('[hidden]')) choose('filter', '', 'replaceState');
  for (let each = place; each; each = each.parentElement) if (each.tagName === 'DETAILS') each.open = true;
  place.scrollIntoView();
}

function unfold() {
  for (const each of all('details:not(.telescope)')) each.open = true;
}

// A wall screen shows a new report soon after it is made; nobody who reads is disturbed.
async function renew() {
  if (viewer.open || scrollY > 0) return;
  const head = await fetch(location.href, { method: 'HEAD', cache: 'no-cache' }).catch(() => null); // the place is away
  const changed = Date.parse(head?.headers.get('last-modified'));
  if (head?.ok && changed > Date.parse(document.lastModified)) location.reload();
}

for (const each of all('.telescope section')) each.dataset.filter = filterOf(each.id);
for (const row of rows) row.dataset.filter = filterOf(placeOf(row));
for (const tab of tabs) tab.addEventListener('click', onTab);
linkRows();
if (table) makeSortable();
makeViewer();
document.addEventListener('click', onPlot);
addEventListener('popstate', show);
addEventListener('hashchange', reveal);
addEventListener('beforeprint', unfold);
if (location.protocol !== 'file:') setInterval(renew, 300_000);
show();
if (location.hash) reveal();
