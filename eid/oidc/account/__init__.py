"""My account: the pages where a person sees and changes what is kept about him."""
