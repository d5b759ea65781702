"""Files of every format to pages. `registry` names the function for each type."""
