package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// decode reads a request's JSON body strictly, and answers with what is wrong with it. timeField is the field that
// holds a time: the decoder does not say which one it was.
func decode(r Request, into any, timeField string) *Response {
	refuse := func(status int, code, field, message string) *Response {
		response := fieldResponse(status, code, field, message)
		return &response
	}
	if !isJSON(header(r, "Content-Type")) {
		return refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "",
			"Content-Type must be application/json")
	}
	data, ok := body(r, bodyMax)
	if !ok {
		return refuse(http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "",
			fmt.Sprintf("the body must be at most %d bytes", bodyMax))
	}
	// The decoder would put a replacement for each byte, and make an order of a name that nobody can read.
	if !utf8.Valid(data) {
		return refuse(http.StatusBadRequest, "INVALID_JSON", "", "the body must be UTF-8")
	}
	switch fault := checkNames(data, into); {
	case fault.meant != "":
		return refuse(http.StatusBadRequest, fault.code, fault.field,
			"unknown field "+fault.field+": it is written "+fault.meant)
	case fault.code == "UNKNOWN_FIELD":
		return refuse(http.StatusBadRequest, fault.code, fault.field, "unknown field "+fault.field)
	case fault.code == "DUPLICATE_FIELD":
		return refuse(http.StatusBadRequest, fault.code, fault.field,
			fault.field+" comes twice: nobody can say which one is meant")
	case fault.code != "":
		return refuse(http.StatusBadRequest, fault.code, "",
			fmt.Sprintf("the body nests deeper than %d levels", depthMax))
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(into)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return refuse(http.StatusBadRequest, "INVALID_FIELD", wrongType.Field,
			wrongType.Field+" must be "+jsonType(wrongType))
	case err != nil &&
		(strings.Contains(err.Error(), "parsing time") || strings.HasPrefix(err.Error(), "Time.UnmarshalJSON")):
		return refuse(http.StatusBadRequest, "INVALID_FIELD", timeField,
			timeField+" must be a time such as 2026-11-21T12:00:00+09:00")
	case err != nil:
		return refuse(http.StatusBadRequest, "INVALID_JSON", "", "the body must be one JSON object")
	case decoder.Decode(&struct{}{}) != io.EOF:
		return refuse(http.StatusBadRequest, "INVALID_JSON", "",
			"the body must be one JSON object and nothing after it")
	}
	return nil
}

// isJSON takes a header that came several times, too, if each says the same: API Gateway joins them with commas.
func isJSON(contentType string) bool {
	for value := range strings.SplitSeq(contentType, ",") {
		if media, _, err := mime.ParseMediaType(value); err != nil || media != "application/json" {
			return false
		}
	}
	return true
}

func jsonType(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "int", "int64":
		return "a whole number"
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	}
	return "an object"
}
