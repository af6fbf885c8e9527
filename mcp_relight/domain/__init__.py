"""Pure values: light, looks, models, jobs, images, and the ports the other rooms meet in."""
