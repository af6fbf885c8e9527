"""Jobs on several machines: who is woken when. The row of a job stays the truth."""
