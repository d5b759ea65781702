"""Pages of the documents room: knowledge bases, their documents, and the work in progress."""
