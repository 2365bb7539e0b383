package examples_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var credentials = []string{
	"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "AWS_SESSION_TOKEN=session+token/1=",
	"AWS_REGION=ap-northeast-2",
}

// checked stands in for API Gateway's IAM authorizer: it signs the request again with the SDK's own signer and compares.
func checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = checkSignature(r, body)
		}
		if err != nil {
			http.Error(w, fmt.Sprintf(`{"message":%q}`, err), http.StatusForbidden)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func checkSignature(r *http.Request, body []byte) error {
	given := r.Header.Get("Authorization")
	_, names, ok := strings.Cut(given, "SignedHeaders=")
	if !ok || r.Header.Get("X-Amz-Security-Token") == "" {
		return errNotSigned
	}
	names, _, _ = strings.Cut(names, ",")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > 5*time.Minute {
		return fmt.Errorf("X-Amz-Date is %q: %w", r.Header.Get("X-Amz-Date"), err)
	}
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(names, ";") {
		if name == "content-length" {
			again.ContentLength = r.ContentLength
		} else if name != "host" {
			again.Header[http.CanonicalHeaderKey(name)] = slices.Clone(r.Header.Values(name))
		}
	}
	sum := sha256.Sum256(body)
	keys := aws.Credentials{
		AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: "session+token/1=",
	}
	if err := v4.NewSigner().SignHTTP(r.Context(), keys, again, hex.EncodeToString(sum[:]), "execute-api", "ap-northeast-2", at); err != nil {
		return err
	}
	if compact := strings.ReplaceAll(again.Header.Get("Authorization"), ", ", ","); compact != strings.ReplaceAll(given, ", ", ",") {
		return fmt.Errorf("signed %s, want %s", given, again.Header.Get("Authorization"))
	}
	return nil
}
