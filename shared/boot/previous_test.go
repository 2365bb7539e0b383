package boot

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"tosspay-sam/shared/secret"
)

type fixedSecret string

func (s fixedSecret) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	text, version := string(s), "v1"
	return &secretsmanager.GetSecretValueOutput{SecretString: &text, VersionId: &version}, nil
}

// TestPreviousKeys: the secret may hold the keys of accounts before. One that cannot be read stops nobody but the orders that need it.
func TestPreviousKeys(t *testing.T) {
	t.Parallel()
	const tossOwn, portoneOwn = `"secretKey":"test_sk_now"`, `"impKey":"now","impSecret":"now"`
	for name, tc := range map[string]struct {
		toss, portone string
		found         bool
		err           bool
	}{
		"none": {`{` + tossOwn + `}`, `{` + portoneOwn + `}`, false, false},
		"the account's": {`{` + tossOwn + `,"previous":[{"clientKey":"live_ck_other","secretKey":"live_sk_other"},{"clientKey":"live_ck_before","secretKey":"live_sk_before"}]}`,
			`{` + portoneOwn + `,"previous":[{"mode":"live","userCode":"imp11111111","impKey":"before","impSecret":"before"}]}`, true, false},
		"in another mode": {`{` + tossOwn + `,"previous":[{"clientKey":"test_ck_before","secretKey":"test_sk_before"}]}`,
			`{` + portoneOwn + `,"previous":[{"mode":"test","userCode":"imp11111111","impKey":"before","impSecret":"before"}]}`, false, false},
		"no list": {`{` + tossOwn + `,"previous":{"secretKey":"live_sk_before"}}`, `{` + portoneOwn + `,"previous":"imp11111111"}`, false, true},
		"keys that are not a pair": {`{` + tossOwn + `,"previous":[{"clientKey":"live_ck_before","secretKey":"test_sk_before"}]}`,
			`{` + portoneOwn + `,"previous":[{"mode":"live","userCode":"imp11111111","impKey":"before"}]}`, false, true},
	} {
		toss := &tossKeys{source: &secret.Source{API: fixedSecret(tc.toss), ID: "toss", Now: time.Now}, mode: "test", clientKey: "test_ck_now"}
		portone := &portoneKeys{source: &secret.Source{API: fixedSecret(tc.portone), ID: "portone", Now: time.Now}}
		if _, err := toss.SecretKey(t.Context()); err != nil {
			t.Errorf("%s: Toss Payments' own key: %v", name, err)
		}
		if _, err := portone.Credentials(t.Context()); err != nil {
			t.Errorf("%s: PortOne's own keys: %v", name, err)
		}
		tossBefore, err := toss.previous(t.Context(), "live/live_ck_before")
		if (tossBefore != nil) != tc.found || (err != nil) != tc.err || err != nil && !errors.Is(err, errTossPrevious) {
			t.Errorf("%s: Toss Payments: %v, %v", name, tossBefore, err)
		}
		portoneBefore, err := portone.previous(t.Context(), "live/imp11111111")
		if (portoneBefore != nil) != tc.found || (err != nil) != tc.err || err != nil && !errors.Is(err, errPortOnePrevious) {
			t.Errorf("%s: PortOne: %v, %v", name, portoneBefore, err)
		}
	}
}
