"""The status page's pages: every word, picture and style of them, as HTML without scripts."""
