"""Units of work: how they run, where their results are stored, and the page that shows them."""
