"""One scripted story, told by clients nobody here wrote, over stdio and HTTP."""
