"""What a network is put through: one class a scenario, in a file of its own.

Named and cut as in MLPerf's LoadGen (V. J. Reddi et al., 2020, "MLPerf Inference
Benchmark"): single-stream, camera (its *server* with a camera's even arrivals),
offline and multi-stream; and cold, soak and pipeline beside them. Every scenario can
be interrupted: it then gives what it has so far, with `complete` False. A new one is a
subclass of `base.Scenario` and one line in `catalogue`.
"""
