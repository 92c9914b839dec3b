"""The page of a run, `--web HOST:PORT`: loaded only with that option, its server in a thread of its own.

`watch` is what the loop writes, `page` what the run knows of the page; `hub` and what imports it live in
the page's thread. Pixels leave in one place, `picture.PictureEncoder.encode`.
"""
