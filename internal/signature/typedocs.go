package signature

// TypeDoc is what the source says about a struct or an enum: lines of Go doc
// comments without the //.
type TypeDoc struct {
	Doc     []string
	Members map[string][]string // by name of the field or variant
}

// TypeDocs returns the doc comments of the structs and enums in a source file, by
// name. A name that is declared twice is not there.
func TypeDocs(source *Source) map[string]TypeDoc {
	tokens := source.tokens
	docs := map[string]TypeDoc{}
	twice := map[string]bool{}
	for i := 0; i+2 < len(tokens); i++ {
		if t := &tokens[i]; t.kind != tokIdent || t.text != "struct" && t.text != "enum" || tokens[i+1].kind != tokIdent {
			continue
		}
		name := tokens[i+1].text
		if _, ok := docs[name]; ok {
			twice[name] = true
		}
		docs[name] = TypeDoc{docsBefore(tokens, qualifiers(tokens, i)), memberDocs(tokens, i+2)}
	}
	for name := range twice {
		delete(docs, name)
	}
	return docs
}

// memberDocs returns the doc comments of what is between the braces of the item
// whose name is before tokens[i].
func memberDocs(tokens []token, i int) map[string][]string {
	for i < len(tokens) && !tokens[i].is("{") {
		if tokens[i].is(";(") { // no fields, or without names
			return nil
		}
		if tokens[i].is("<[") {
			i = skipList(tokens, i)
			continue
		}
		i++
	}
	members := map[string][]string{}
	first := true // of a member
	for i++; i < len(tokens) && !tokens[i].is("}"); {
		switch t := &tokens[i]; {
		case t.is(","):
			first = true
			i++
		case t.is("#") && i+1 < len(tokens) && tokens[i+1].is("["):
			i = skipList(tokens, i+1)
		case t.is("([{<"):
			i = skipList(tokens, i)
		case first && t.kind == tokIdent && t.text == "pub":
			if doc := docsBefore(tokens, i); len(doc) > 0 {
				// The comment is before pub, and the name after it.
				for j := i + 1; j < len(tokens); j++ {
					if tokens[j].is("(") {
						j = skipList(tokens, j) - 1
						continue
					}
					members[tokens[j].text] = doc
					break
				}
			}
			first = false
			i++
		case first && t.kind == tokIdent:
			if doc := docsBefore(tokens, i); len(doc) > 0 {
				members[t.text] = doc
			}
			first = false
			i++
		default:
			i++
		}
	}
	return members
}
