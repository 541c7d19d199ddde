"""Commands: parse, wire, call one function, choose the exit code."""
