package signaling

// Events lists what clients may send, and whether base clients know nothing of it:
// what the documents are held against.
func Events() map[string]bool {
	list := make(map[string]bool, len(routes))
	for name, rt := range routes {
		list[name] = rt.extended
	}
	return list
}
