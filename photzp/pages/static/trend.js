// The trends on the page of a telescope: a button beside each plot puts a chart in its place.  The chart, uPlot and the
// data are loaded when somebody wants them; where that fails the plot stays, and a line says why.
'use strict';

(() => {
  const CHART = ['uPlot.min.css', 'uPlot.iife.min.js', 'trendchart.js'];
  const SCHEMA = 1;
  const asked = new Map();

  function load(name) {
    if (!asked.has(name)) {
      asked.set(name, new Promise((resolve, reject) => {
        const isStyle = name.endsWith('.css');
        const element = document.createElement(isStyle ? 'link' : 'script');
        element.onload = resolve;
        element.onerror = () => {
          asked.delete(name);
          element.remove();
          reject(new Error(`${name} could not be loaded: is it beside this page?`));
        };
        if (isStyle) {
          element.rel = 'stylesheet';
        }
        element[isStyle ? 'href' : 'src'] = name;
        document.head.append(element);
      }));
    }
    return asked.get(name);
  }

  async function dataOf(name) {
    if (location.protocol === 'file:') {
      throw new Error('Zooming needs the page from a web server: run "python3 -m http.server" in its directory and '
        + `open http://localhost:8000/${location.pathname.split('/').pop()}`);
    }
    const answer = await fetch(name).catch(() => {
      throw new Error(`${name} could not be loaded: the server does not answer. Try again.`);
    });
    if (!answer.ok) {
      throw new Error(`${name} could not be loaded: the server answers ${answer.status}. The plot has the same points.`);
    }
    const tree = await answer.json().catch(() => {
      throw new Error(`${name} is damaged: run the report again.`);
    });
    if (tree.schema !== SCHEMA) {
      throw new Error(`${name} is of another version of the report than this page: load the page again.`);
    }
    return tree;
  }

  function addButton(section) {
    const figure = section.querySelector('figure');
    const tools = document.createElement('p');
    const button = document.createElement('button');
    const said = document.createElement('span');
    const filter = section.querySelector('h3').firstChild.textContent.trim();
    tools.className = 'tools';
    button.type = 'button';
    button.textContent = 'Zoom';
    button.setAttribute('aria-label', `Zoom into the trend in ${filter}`);
    said.setAttribute('role', 'status');
    tools.append(button, said);
    figure.before(tools);

    function leave() {
      figure.hidden = tools.hidden = false;
      button.focus();
    }

    button.addEventListener('click', async () => {
      button.disabled = true;
      said.textContent = 'loading…';
      try {
        const [tree] = await Promise.all([dataOf(section.dataset.trend), ...CHART.map(load)]);
        figure.hidden = tools.hidden = true;
        window.showTrend(tree, figure, leave);
        said.textContent = '';
      } catch (error) {
        figure.hidden = tools.hidden = false;
        said.textContent = error.message;
      }
      button.disabled = false;
    });
  }

  document.querySelectorAll('section[data-trend]').forEach(addButton);
})();
