// The notebook that the browser test opens and the README's picture shows.

const CODE = `from IPython.display import SVG
import math

def ring(k, n=24):
    turn = 2 * math.pi * k / n
    x, y = 150 + 95 * math.cos(turn), 120 + 95 * math.sin(turn)
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 + k % 6}" fill="hsl({360 * k // n},65%,50%)"/>'

SVG(f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="240">{"".join(map(ring, range(24)))}</svg>')`;

const markdown = (id: string, source: string): object => ({ cell_type: 'markdown', id, metadata: {}, source });
const code = (id: string, source: string): object => ({
  cell_type: 'code',
  id,
  metadata: {},
  source,
  outputs: [],
  execution_count: null,
});

/** In Jupyter's file format 4.5; the first code cell's result is 42. */
export const NOTEBOOK = JSON.stringify({
  cells: [
    markdown('a', '# Through the postern\nThis JupyterLab runs on a node that accepts no connection from outside.'),
    code('b', '6 * 7'),
    code('c', CODE),
  ],
  metadata: {
    kernelspec: { display_name: 'Python 3 (ipykernel)', language: 'python', name: 'python3' },
    language_info: { name: 'python' },
  },
  nbformat: 4,
  nbformat_minor: 5,
});
