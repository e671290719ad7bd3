package debuginfo

import "fmt"

// FormatError reports debug information that is not well-formed.
type FormatError struct {
	Section string
	Off     int // in the section
	Msg     string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s+%#x: %s", e.Section, e.Off, e.Msg)
}

func bad(section string, off int, format string, args ...any) error {
	return &FormatError{section, off, fmt.Sprintf(format, args...)}
}
