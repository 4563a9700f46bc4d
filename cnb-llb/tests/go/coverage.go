package main

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// How many cases are named for each of them.
const examples = 3

// coverage says for each field, each value of an enumeration, each attribute of a source and each scheme of one
// which cases have it, the first ones. The lists come from BuildKit itself: from the descriptors of ops.proto and from attr.go.
type coverage struct {
	fields map[string][]string
}

var schemes = []string{
	"docker-image://", "docker-image+blob://", "oci-layout://", "oci-layout+blob://", "local://", "git://", "https://",
}

func newCoverage() coverage {
	c := coverage{map[string][]string{}}
	c.declare((&pb.Definition{}).ProtoReflect().Descriptor())
	c.declare((&pb.Op{}).ProtoReflect().Descriptor())
	for _, attribute := range attributes() {
		c.fields["attr "+attribute] = []string{}
	}
	for _, scheme := range schemes {
		c.fields["scheme "+scheme] = []string{}
	}
	return c
}

// declare adds the fields of a message, and those of the messages in it.
func (c coverage) declare(message protoreflect.MessageDescriptor) {
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if _, known := c.fields[name(field)]; known {
			continue
		}
		c.fields[name(field)] = []string{}
		if enum := field.Enum(); enum != nil {
			for j := range enum.Values().Len() {
				c.fields[name(field)+"="+string(enum.Values().Get(j).Name())] = []string{}
			}
			delete(c.fields, name(field))
		}
		if field.Message() != nil && !field.IsMap() {
			c.declare(field.Message())
		} else if field.IsMap() && field.MapValue().Message() != nil {
			c.declare(field.MapValue().Message())
		}
	}
}

func name(field protoreflect.FieldDescriptor) string {
	return strings.TrimPrefix(string(field.FullName()), "pb.")
}

func (c coverage) add(test string, def *pb.Definition) {
	c.message(test, def.ProtoReflect())
	for _, bytes := range def.Def {
		var op pb.Op
		check(proto.Unmarshal(bytes, &op))
		c.message(test, op.ProtoReflect())
		if source := op.GetSource(); source != nil {
			scheme, _, _ := strings.Cut(source.Identifier, "://")
			c.mark("scheme "+scheme+"://", test)
			for attribute := range source.Attrs {
				c.mark("attr "+attribute, test)
			}
		}
		for attribute := range op.GetBuild().GetAttrs() {
			c.mark("attr "+attribute, test)
		}
	}
}

func (c coverage) message(test string, message protoreflect.Message) {
	// An enumeration that is not written has its first value.
	for i := range message.Descriptor().Fields().Len() {
		if field := message.Descriptor().Fields().Get(i); field.Enum() != nil {
			value := field.Enum().Values().ByNumber(message.Get(field).Enum())
			c.mark(name(field)+"="+string(value.Name()), test)
		}
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Enum() == nil {
			c.mark(name(field), test)
		}
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			value.Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
				c.message(test, value.Message())
				return true
			})
		case field.IsList() && field.Message() != nil:
			for i := range value.List().Len() {
				c.message(test, value.List().Get(i).Message())
			}
		case field.Message() != nil && !field.IsMap():
			c.message(test, value.Message())
		}
		return true
	})
}

func (c coverage) mark(what, test string) {
	if len(c.fields[what]) < examples && !slices.Contains(c.fields[what], test) {
		c.fields[what] = append(c.fields[what], test)
	}
}

// attributes are the values of the constants in BuildKit's solver/pb/attr.go that are names of attributes.
func attributes() []string {
	pkg, err := build.Import("github.com/moby/buildkit/solver/pb", ".", build.FindOnly)
	check(err)
	file, err := parser.ParseFile(token.NewFileSet(), pkg.Dir+"/attr.go", nil, 0)
	check(err)
	names := []string{}
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			check(err)
			// Values of attributes have no dot in them, a prefix of names ends with one.
			if strings.Contains(value, ".") && !strings.HasSuffix(value, ".") {
				names = append(names, value)
			}
		}
		return true
	})
	return names
}
