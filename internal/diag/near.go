package diag

import (
	"slices"
	"strings"
)

// Nearest returns the candidate most like name, or "" when there are no
// candidates. Of equals it returns the first.
func Nearest(name string, candidates []string) string {
	best, bestDist := "", -1
	for _, c := range candidates {
		if d := difference(name, c); bestDist < 0 || d < bestDist {
			best, bestDist = c, d
		}
	}
	return best
}

// Similar is Nearest for "did you mean", where a wild guess would confuse: it
// returns only a candidate of which at most a third differs from name, or that
// contains name or is contained in it.
func Similar(name string, candidates []string) string {
	if best := Nearest(name, candidates); best != "" && difference(name, best) <= max(1, max(len(name), len(best))/3) {
		return best
	}
	lower := strings.ToLower(name)
	return Nearest(name, slices.DeleteFunc(slices.Clone(candidates), func(c string) bool {
		c = strings.ToLower(c)
		// Two letters are part of too many names.
		return min(len(c), len(lower)) < 3 || !strings.Contains(c, lower) && !strings.Contains(lower, c)
	}))
}

// difference is the distance of two names without regard to case. Names that
// have the same words in another order are close too.
func difference(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	d := distance(a, b)
	if strings.ContainsAny(a, "_-") && strings.ContainsAny(b, "_-") {
		d = min(d, 1+distance(sortWords(a), sortWords(b)))
	}
	return d
}

func sortWords(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' })
	slices.Sort(words)
	return strings.Join(words, "_")
}

// distance is the optimal string alignment distance of two strings in bytes:
// the Levenshtein distance with swapped neighbours counted once.
func distance(a, b string) int {
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
