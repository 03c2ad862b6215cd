# Sorts the numbers s[1] to s[n].
function sort(s, n,  i, j, x) {
	for (i = 2; i <= n; i++) {
		x = s[i]
		for (j = i - 1; j > 0 && s[j] > x; j--)
			s[j + 1] = s[j]
		s[j + 1] = x
	}
}
