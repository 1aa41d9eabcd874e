"""Units of work: where they run, where their results lie, and the page that shows them."""
