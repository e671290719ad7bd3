package debuginfo

import "fmt"

// The forms of DWARF 5, section 7.5.6, and GNU's two for split files.
const (
	FormAddr          = 0x01
	FormBlock2        = 0x03
	FormBlock4        = 0x04
	FormData2         = 0x05
	FormData4         = 0x06
	FormData8         = 0x07
	FormString        = 0x08
	FormBlock         = 0x09
	FormBlock1        = 0x0a
	FormData1         = 0x0b
	FormFlag          = 0x0c
	FormSdata         = 0x0d
	FormStrp          = 0x0e
	FormUdata         = 0x0f
	FormRefAddr       = 0x10
	FormRef1          = 0x11
	FormRef2          = 0x12
	FormRef4          = 0x13
	FormRef8          = 0x14
	FormRefUdata      = 0x15
	FormIndirect      = 0x16
	FormSecOffset     = 0x17
	FormExprloc       = 0x18
	FormFlagPresent   = 0x19
	FormStrx          = 0x1a
	FormAddrx         = 0x1b
	FormRefSup4       = 0x1c
	FormStrpSup       = 0x1d
	FormData16        = 0x1e
	FormLineStrp      = 0x1f
	FormRefSig8       = 0x20
	FormImplicitConst = 0x21
	FormLoclistx      = 0x22
	FormRnglistx      = 0x23
	FormRefSup8       = 0x24
	FormStrx1         = 0x25
	FormStrx2         = 0x26
	FormStrx3         = 0x27
	FormStrx4         = 0x28
	FormAddrx1        = 0x29
	FormAddrx2        = 0x2a
	FormAddrx3        = 0x2b
	FormAddrx4        = 0x2c
)

// A value is one decoded attribute. What it means depends on the form.
type Value struct {
	Form uint64
	N    uint64
	Data []byte // of blocks and inline strings
	Set  bool
}

// fixedSize returns the bytes that a value of the form takes, or -1 if that
// depends on the value.
func fixedSize(form uint64, addrSize int, is64 bool) int {
	switch form {
	case FormFlagPresent, FormImplicitConst:
		return 0
	case FormData1, FormFlag, FormRef1, FormStrx1, FormAddrx1:
		return 1
	case FormData2, FormRef2, FormStrx2, FormAddrx2:
		return 2
	case FormStrx3, FormAddrx3:
		return 3
	case FormData4, FormRef4, FormStrx4, FormAddrx4, FormRefSup4:
		return 4
	case FormData8, FormRef8, FormRefSig8, FormRefSup8:
		return 8
	case FormData16:
		return 16
	case FormAddr:
		return addrSize
	case FormStrp, FormLineStrp, FormSecOffset, FormStrpSup, FormRefAddr:
		if is64 {
			return 8
		}
		return 4
	}
	return -1
}

// Value decodes one attribute of an entry in u.
func (u *Unit) Value(c *Cursor, f *Field) Value {
	v := Value{Form: f.Form, Set: true}
	if v.Form == FormIndirect {
		v.Form = c.Uleb()
	}
	switch v.Form {
	case FormFlagPresent:
		v.N = 1
	case FormImplicitConst:
		v.N = uint64(f.Implicit)
	case FormSdata:
		v.N = uint64(c.Sleb())
	case FormUdata, FormRefUdata, FormStrx, FormAddrx, FormLoclistx, FormRnglistx:
		v.N = c.Uleb()
	case FormString:
		v.Data = c.CString()
	case FormBlock1:
		v.Data = c.Take(c.Uint(1))
	case FormBlock2:
		v.Data = c.Take(c.Uint(2))
	case FormBlock4:
		v.Data = c.Take(c.Uint(4))
	case FormBlock, FormExprloc:
		v.Data = c.Take(c.Uleb())
	case FormData16:
		v.Data = c.Take(16)
	case FormRefAddr:
		if u.Version < 3 {
			v.N = c.Uint(u.AddrSize)
		} else {
			v.N = c.Offset(u.Is64)
		}
	default:
		n := fixedSize(v.Form, u.AddrSize, u.Is64)
		if n < 0 || n > 8 {
			c.Fail(fmt.Errorf("unknown form %#x", v.Form))
			return Value{}
		}
		v.N = c.Uint(n)
	}
	return v
}

// Bytes returns the text of a string attribute, nil if there is none or it
// refers to nowhere.
func (d *Data) Bytes(u *Unit, v Value) []byte {
	if !v.Set {
		return nil
	}
	section, off := d.Str, v.N
	switch v.Form {
	case FormString:
		return v.Data
	case FormStrp:
	case FormLineStrp:
		section = d.LineStr
	case FormStrx, FormStrx1, FormStrx2, FormStrx3, FormStrx4:
		width := uint64(4)
		if u.Is64 {
			width = 8
		}
		if v.N > uint64(len(d.StrOffsets)) {
			return nil
		}
		c := Cursor{Data: d.StrOffsets}
		c.Skip(u.strOffsets)
		c.Skip(v.N * width)
		if off = c.Uint(int(width)); c.Err != nil {
			return nil
		}
	default:
		return nil
	}
	c := Cursor{Data: section}
	c.Skip(off)
	b := c.CString()
	if d.Charge(len(b)/8) != nil {
		return nil // the next read reports it
	}
	return b
}

// String is Bytes for text that is kept.
func (d *Data) String(u *Unit, v Value) string {
	b := d.Bytes(u, v)
	if d.Charge(len(b)) != nil {
		return ""
	}
	return string(b)
}
