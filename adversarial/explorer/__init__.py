"""A page to play with a model in a browser: one HTML file that holds the model and runs it.

`page.write_page` puts the file together; the command `explore` calls it. `packing` writes the
networks as JSON and bytes, which `weights.js` reads and `program.js` runs. The other files here are
the page: `page.html` and `page.css`, and a script for each of its sections.
"""
