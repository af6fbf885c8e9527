"""Local relighting on the CPU: mask, shape, light fit, shading, colour, apply."""
