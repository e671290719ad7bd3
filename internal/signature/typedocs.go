package signature

// TypeDoc is what the source says about a struct, an enum or a trait: lines of
// Go doc comments without the //.
type TypeDoc struct {
	Doc     []string
	Members map[string][]string // by name of the field, variant or method
	Params  map[string][]Param  // of the methods of a trait, without self; names only
}

// TypeDocs returns the doc comments of the structs, enums and traits in a source
// file, by name. A name that is declared twice is not there.
func TypeDocs(source *Source) map[string]TypeDoc {
	tokens := source.tokens
	docs := map[string]TypeDoc{}
	twice := map[string]bool{}
	for i := 0; i+2 < len(tokens); i++ {
		if t := &tokens[i]; t.kind != tokIdent || t.text != "struct" && t.text != "enum" && t.text != "trait" || tokens[i+1].kind != tokIdent {
			continue
		}
		name := tokens[i+1].text
		if _, ok := docs[name]; ok {
			twice[name] = true
		}
		doc := TypeDoc{Doc: docsBefore(tokens, qualifiers(tokens, i))}
		if tokens[i].text == "trait" {
			doc.methods(tokens, i+2)
		} else {
			doc.Members = memberDocs(tokens, i+2)
		}
		docs[name] = doc
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

// methods reads what is between the braces of the trait whose name is before
// tokens[i].
func (d *TypeDoc) methods(tokens []token, i int) {
	for i < len(tokens) && !tokens[i].is("{;") {
		i++
	}
	if i == len(tokens) || tokens[i].is(";") {
		return
	}
	d.Members, d.Params = map[string][]string{}, map[string][]Param{}
	for i++; i < len(tokens) && !tokens[i].is("}"); {
		switch t := &tokens[i]; {
		case t.kind == tokIdent && t.text == "fn" && i+2 < len(tokens) && tokens[i+2].is("("):
			name := tokens[i+1].text
			if doc := docsBefore(tokens, qualifiers(tokens, i)); len(doc) > 0 {
				d.Members[name] = doc
			}
			end := min(skipList(tokens, i+2), len(tokens))
			d.Params[name] = paramNames(tokens[i+3 : max(end-1, i+3)])
			i = end
		case t.is("([{<"):
			i = skipList(tokens, i)
		default:
			i++
		}
	}
}

// paramNames returns the names of the parameters of a method, given what is
// between its parentheses. A pattern has none.
func paramNames(tokens []token) []Param {
	var list []Param
	for i, p := range splitList(tokens) {
		if i == 0 { // self
			continue
		}
		name := ""
		if len(p) > 1 && p[0].kind == tokIdent && p[1].is(":") {
			name = p[0].text
		}
		list = append(list, Param{Name: name})
	}
	return list
}
