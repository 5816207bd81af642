"""The figures that this project claims, each measured on the machine at hand.

One file declares one constant, `BENCH = Benchmark(name=…, title=…, run=…)`, and is found by
`therapy.discover.declared("benchmarks", "BENCH", Benchmark)`.
"""
