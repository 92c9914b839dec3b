"""Whether what a network sees and answers is still what its bundle was made for.

`image_statistics` of frames, `reference`: how they, and answers, were distributed when the bundle was
made; `sliding`: how far those of late are from that; `edge.events.drift` makes events of it.
"""
