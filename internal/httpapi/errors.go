package httpapi

import (
	"fmt"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The values of extensions.code that this package gives to the errors it makes itself.
const (
	codeUnauthenticated  = "UNAUTHENTICATED"
	codeForbidden        = "FORBIDDEN"
	codeBadUserInput     = "BAD_USER_INPUT"
	codeParseFailed      = "GRAPHQL_PARSE_FAILED"
	codeValidationFailed = "GRAPHQL_VALIDATION_FAILED"
	codeTooComplex       = "QUERY_TOO_COMPLEX"
	codeRateLimited      = "RATE_LIMITED"
	codeInternal         = "INTERNAL"
	// Apollo's word, on which its clients send the whole document.
	codePersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND"
)

// maxMessage bounds one error's message: the parser and the validator quote the
// document, and a document may hold a megabyte of name.
const maxMessage = 500

func newError(code, format string, args ...any) *gqlerror.Error {
	err := gqlerror.Errorf(format, args...)
	setCode(err, code)
	return err
}

func errorAt(pos *ast.Position, code, format string, args ...any) *gqlerror.Error {
	err := newError(code, format, args...)
	if pos != nil {
		err.Locations = []gqlerror.Location{{Line: pos.Line, Column: pos.Column}}
	}
	return err
}

func setCode(err *gqlerror.Error, code string) {
	if err.Extensions == nil {
		err.Extensions = map[string]any{}
	}
	err.Extensions["code"] = code
}

func codeOf(err *gqlerror.Error) string {
	code, _ := err.Extensions["code"].(string)
	return code
}

// capped returns at most limit errors with messages of bounded length. What is left out
// is counted in the last one.
func capped(errs gqlerror.List, limit int) gqlerror.List {
	if len(errs) > limit {
		more := newError(codeOf(errs[limit-1]), "%d more errors are not shown", len(errs)-limit+1)
		errs = append(errs[:limit-1:limit-1], more)
	}
	for i, err := range errs {
		if len(err.Message) > maxMessage {
			short := *err
			short.Message = clip(err.Message, maxMessage)
			errs[i] = &short
		}
	}
	return errs
}

func clip(message string, end int) string {
	if len(message) <= end {
		return message
	}
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return fmt.Sprintf("%s…", message[:end])
}
