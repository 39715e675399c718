"""Pages for people who read about the API: the document as HTML, and a page for each code of an error. No script."""
