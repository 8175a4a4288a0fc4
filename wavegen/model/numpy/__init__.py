"""The networks that speaking needs, in NumPy: the formulas of their torch modules, from the same
weights. Tests hold both together."""
