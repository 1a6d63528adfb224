"""Where the README's numbers come from: `python -m benchmarks.NAME [--scale 0.1]`, one command each."""
