package item

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/subscription"
)

// full sets every field of a value to something that is not its zero value.
func full(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text-", r.IntN(1000)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1 + r.Int64N(1000))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			full(r, v.Index(i))
		}
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			v.Set(reflect.ValueOf(time.UnixMilli(1 + r.Int64N(1<<40)).UTC()))
			return
		}
		for i := range v.NumField() {
			full(r, v.Field(i))
		}
	}
}

// TestSubscriptionIsStoredWhole: every field comes back, set or not; a field that is added and forgotten here fails.
func TestSubscriptionIsStoredWhole(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	for round := range 100 {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		var s subscription.Subscription
		full(r, reflect.ValueOf(&s).Elem())
		empty := subscription.Subscription{ID: "sub-1", Revision: 1, Plan: subscription.Plan{Amount: money.Amount{Value: 1, Currency: money.KRW}}}
		for _, want := range []subscription.Subscription{s, empty} {
			all, err := attributevalue.MarshalMap(FromSubscription(want))
			if err != nil {
				t.Fatal(err)
			}
			var it Subscription
			if err := attributevalue.UnmarshalMap(all, &it); err != nil {
				t.Fatal(err)
			}
			if back, err := it.Subscription(); err != nil || !reflect.DeepEqual(back, want) {
				t.Fatalf("seed %d round %d: %v\n%+v\n%+v", seed, round, err, back, want)
			}
		}
	}
}
