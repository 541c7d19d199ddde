"""Pure planning: compare, act, order, check. No I/O."""
