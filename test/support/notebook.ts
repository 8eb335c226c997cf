// The notebook that the browser test opens and the README's picture shows.

const CODE = `from IPython.display import SVG
import math

def dot(k, n=24):
    x = 150 + 95 * math.cos(2 * math.pi * k / n)
    y = 115 + 95 * math.sin(2 * math.pi * k / n)
    colour = f'hsl({360 * k // n}, 65%, 50%)'
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{5 + k % 6}" fill="{colour}"/>'

picture = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="230">'
SVG(picture + ''.join(map(dot, range(24))) + '</svg>')`;

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
