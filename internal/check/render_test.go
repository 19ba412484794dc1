package check

import (
	"fmt"
	"go/types"
	"slices"
	"strings"
)

// render lists what a package exports, one line each, sorted. A line has everything that code which uses the package depends on
// and nothing else: no names of parameters, no comments, no unexported fields. What an embedded type lends is listed too.
func render(p *types.Package) []string {
	r := renderer{pkg: p}
	for _, name := range p.Scope().Names() {
		obj := p.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			typ := ""
			if b, ok := obj.Type().(*types.Basic); !ok || b.Info()&types.IsUntyped == 0 {
				typ = " " + r.typ(obj.Type())
			}
			r.add("const %s%s = %s", name, typ, obj.Val().ExactString())
		case *types.Var:
			r.add("var %s %s", name, r.typ(obj.Type()))
		case *types.Func:
			sig := obj.Signature()
			r.add("func %s%s%s", name, r.typeParams(sig.TypeParams()), r.signature(sig))
		case *types.TypeName:
			r.typeName(obj)
		}
	}
	slices.Sort(r.lines)
	return slices.Compact(r.lines)
}

type renderer struct {
	pkg   *types.Package
	lines []string
}

func (r *renderer) add(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *renderer) typeName(obj *types.TypeName) {
	named, _ := obj.Type().(*types.Named)
	if alias, ok := obj.Type().(*types.Alias); ok {
		r.add("type %s%s = %s", obj.Name(), r.typeParams(alias.TypeParams()), r.typ(alias.Rhs()))
		if named = hidden(alias.Rhs()); named == nil {
			return
		}
	}
	head := "type " + obj.Name() + r.typeParams(named.TypeParams())
	switch u := named.Underlying().(type) {
	case *types.Struct:
		r.add("%s struct", head)
		if !types.Comparable(named) {
			r.add("%s struct, not comparable", head)
		}
		r.fields(head, u, map[*types.Struct]bool{})
	case *types.Interface:
		r.add("%s interface", head)
		for m := range u.ExplicitMethods() {
			if m.Exported() {
				r.add("%s interface, %s%s", head, m.Name(), r.signature(m.Signature()))
			} else {
				r.add("%s interface, unexported methods", head)
			}
		}
		for e := range u.EmbeddedTypes() {
			r.add("%s interface, embeds %s", head, r.typ(e))
		}
		return
	default:
		r.add("%s %s", head, r.typ(u))
	}

	value, pointer := types.NewMethodSet(named), types.NewMethodSet(types.NewPointer(named))
	for sel := range pointer.Methods() {
		m := sel.Obj()
		if !m.Exported() {
			continue
		}
		star := "*"
		if value.Lookup(m.Pkg(), m.Name()) != nil {
			star = ""
		}
		r.add("func (%s%s) %s%s", star, r.typ(named), m.Name(), r.signature(sel.Type().(*types.Signature)))
	}
}

// hidden returns t if it is a type of an internal package: what it has is then documented, and promised, nowhere else.
func hidden(t types.Type) *types.Named {
	named, ok := types.Unalias(t).(*types.Named)
	if ok && named.Obj().Pkg() != nil && strings.Contains(named.Obj().Pkg().Path(), "/internal/") {
		return named
	}
	return nil
}

// fields lists the exported fields, and those of embedded types that users can't look up.
func (r *renderer) fields(head string, s *types.Struct, seen map[*types.Struct]bool) {
	if seen[s] {
		return
	}
	seen[s] = true
	for i := range s.NumFields() {
		f := s.Field(i)
		tag := s.Tag(i)
		if tag != "" {
			tag = fmt.Sprintf(" %q", tag)
		}
		switch {
		case f.Exported() && f.Embedded():
			r.add("%s struct, embeds %s%s", head, r.typ(f.Type()), tag)
		case f.Exported():
			r.add("%s struct, %s %s%s", head, f.Name(), r.typ(f.Type()), tag)
		}
		if !f.Embedded() {
			continue
		}
		t := f.Type()
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		if inner, ok := t.Underlying().(*types.Struct); ok && (!f.Exported() || hidden(t) != nil) {
			r.fields(head, inner, seen)
		}
	}
}

func (r *renderer) typeParams(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var s []string
	for p := range list.TypeParams() {
		s = append(s, p.Obj().Name()+" "+r.typ(p.Constraint()))
	}
	return "[" + strings.Join(s, ", ") + "]"
}

func (r *renderer) signature(sig *types.Signature) string {
	params := r.tuple(sig.Params())
	if sig.Variadic() {
		last := len(params) - 1
		params[last] = "..." + strings.TrimPrefix(params[last], "[]")
	}
	s := "(" + strings.Join(params, ", ") + ")"
	switch results := r.tuple(sig.Results()); len(results) {
	case 0:
		return s
	case 1:
		return s + " " + results[0]
	default:
		return s + " (" + strings.Join(results, ", ") + ")"
	}
}

func (r *renderer) tuple(t *types.Tuple) []string {
	var s []string
	for v := range t.Variables() {
		s = append(s, r.typ(v.Type()))
	}
	return s
}

// typ differs from types.TypeString in that functions have no parameter names, which are no part of an API.
func (r *renderer) typ(t types.Type) string {
	switch t := t.(type) {
	case *types.Named:
		return r.qualified(t.Obj()) + r.typeArgs(t.TypeArgs(), t.TypeParams())
	case *types.Alias:
		return r.qualified(t.Obj()) + r.typeArgs(t.TypeArgs(), nil)
	case *types.Pointer:
		return "*" + r.typ(t.Elem())
	case *types.Slice:
		return "[]" + r.typ(t.Elem())
	case *types.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), r.typ(t.Elem()))
	case *types.Map:
		return "map[" + r.typ(t.Key()) + "]" + r.typ(t.Elem())
	case *types.Chan:
		return map[types.ChanDir]string{types.SendRecv: "chan ", types.SendOnly: "chan<- ", types.RecvOnly: "<-chan "}[t.Dir()] + r.typ(t.Elem())
	case *types.Signature:
		return "func" + r.signature(t)
	case *types.Interface:
		if t.Empty() {
			return "any"
		}
	}
	return types.TypeString(t, func(p *types.Package) string {
		if p == r.pkg {
			return ""
		}
		return p.Name()
	})
}

func (r *renderer) qualified(obj *types.TypeName) string {
	if obj.Pkg() == nil || obj.Pkg() == r.pkg {
		return obj.Name()
	}
	return obj.Pkg().Name() + "." + obj.Name()
}

// typeArgs are those of an instantiated type or, for the generic type itself (a receiver), the names of its parameters.
func (r *renderer) typeArgs(args *types.TypeList, params *types.TypeParamList) string {
	var s []string
	for t := range args.Types() {
		s = append(s, r.typ(t))
	}
	if s == nil {
		for p := range params.TypeParams() {
			s = append(s, p.Obj().Name())
		}
	}
	if s == nil {
		return ""
	}
	return "[" + strings.Join(s, ", ") + "]"
}
