package portonesim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/portonesim"
)

func TestSandboxPaymentsAreHiddenFromOneLookup(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		o       portonesim.Options
		edits   []string
		sandbox bool
		pgID    string
	}{
		{"live", portonesim.Options{}, nil, false, portonesim.DefaultMID},
		{"live by channelKey", portonesim.Options{}, []string{"channelKey", portonesim.DefaultChannelKey}, false, portonesim.DefaultMID},
		{"live by pg", portonesim.Options{}, []string{"pg", "tosspay_v2." + portonesim.DefaultMID}, false, portonesim.DefaultMID},
		{"test account", portonesim.Options{Sandbox: true}, nil, true, portonesim.DefaultMID},
		{"attack by channelKey", portonesim.Options{}, []string{"channelKey", portonesim.TestChannelKey}, true, portonesim.TestMID},
		{"attack by pg", portonesim.Options{}, []string{"pg", "tosspay_v2.tosstest"}, true, portonesim.TestMID},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.o)
			uid := w.approve(tc.edits...)
			want := []string{"imp_uid", uid, "sandbox", fmt.Sprint(tc.sandbox), "pg_id", tc.pgID, "status", "paid"}
			w.wantFields("include_sandbox", w.payment(uid), want...)
			w.wantFields("find", w.call("GET", "/payments/find/"+order, ""), want...)
			for _, query := range []string{"", "?include_sandbox=false"} {
				got := w.call("GET", "/payments/"+uid+query, "")
				if tc.sandbox {
					w.wantRefused("hidden", got, 404, -1, "존재하지 않는 결제정보입니다.")
				} else {
					w.wantFields("shown", got, want...)
				}
			}
			w.wantViolations()
		})
	}
}

// Three attempts of one order: declined, declined, paid; a second apart.
func TestFindAndFindAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	var uids []string
	for _, outcome := range []string{"fail", "cancel", "approve"} {
		uids = append(uids, w.back(w.submit(windowForm("outcome", outcome))).Get("imp_uid"))
		w.Advance(time.Second)
	}
	for _, tc := range []struct {
		path string
		want []int // of uids, in order
	}{
		{"", []int{2, 1, 0}},
		{"?sorting=-started", []int{2, 1, 0}},
		{"?sorting=started", []int{0, 1, 2}},
		{"?sorting=-paid", []int{2, 1, 0}},
		{"?sorting=paid", []int{0, 1, 2}},
		{"?sorting=updated", []int{0, 1, 2}},
		{"/failed", []int{1, 0}},
		{"/paid", []int{2}},
		{"?limit=2", []int{2, 1}},
		{"?limit=2&page=2", []int{0}},
		{"/ready", nil},
		{"/cancelled", nil},
	} {
		all := w.call("GET", "/payments/findAll/"+order+tc.path, "")
		if tc.want == nil {
			w.wantRefused(tc.path, all, 404, -1, "존재하지 않는 결제정보입니다.")
			continue
		}
		var got, want []string
		list, _ := all.response["list"].([]any)
		for _, p := range list {
			got = append(got, fmt.Sprint(p.(map[string]any)["imp_uid"]))
		}
		for _, i := range tc.want {
			want = append(want, uids[i])
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("findAll %s: %v, want %v", tc.path, got, want)
		}
		if !strings.Contains(tc.path, "limit") {
			w.wantFields("find"+tc.path, w.call("GET", "/payments/find/"+order+tc.path, ""), "imp_uid", want[0])
			w.wantFields("findAll"+tc.path, all, "total", fmt.Sprint(len(want)), "previous", "0", "next", "0")
		}
	}
	w.wantFields("page 1", w.call("GET", "/payments/findAll/"+order+"?limit=2", ""), "total", "3", "previous", "0", "next", "2")
	w.wantFields("page 2", w.call("GET", "/payments/findAll/"+order+"?limit=2&page=2", ""), "total", "3", "previous", "1", "next", "0")
	for _, query := range []string{"?page=2", "?page=0", "?limit=0", "?limit=1001", "?page=9999999999999&limit=1000"} {
		w.wantRefused(query, w.call("GET", "/payments/findAll/"+order+query, ""), 400, -1, "")
	}
	w.wantRefused("unknown", w.call("GET", "/payments/findAll/nobody", ""), 404, -1, "")
	w.wantRefused("unknown", w.call("GET", "/payments/find/nobody", ""), 404, -1, "")
	w.wantRefused("unknown", w.payment("imp_999"), 404, -1, "존재하지 않는 결제정보입니다.")
	w.wantViolations()
	w.wantRefused("status", w.call("GET", "/payments/findAll/"+order+"/canceled", ""), 400, -1, "지원되지 않는 상태값입니다.")
	w.wantViolations("canceled")
}

func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	begin := w.Now().Unix()
	w.approve()
	w.Advance(time.Hour)
	late := w.approve("merchant_uid", "order-0002")
	w.Advance(time.Hour)
	w.token = w.getToken().text("access_token")
	w.cancel(`{"imp_uid":"` + late + `"}`)
	w.back(w.submit(windowForm("merchant_uid", "order-0003", "outcome", "fail")))
	for _, tc := range []struct {
		path  string
		total int
	}{
		{"all", 3}, {"paid", 1}, {"cancelled", 1}, {"failed", 1}, {"ready", 0},
		{fmt.Sprintf("all?from=%d&to=%d", begin, begin), 1},
		{fmt.Sprintf("paid?from=%d", begin+1), 0},
		{fmt.Sprintf("cancelled?from=%d&to=%d", begin+7200, begin+7200), 1}, // by the time of the cancel
		{fmt.Sprintf("cancelled?to=%d", begin+7199), 0},
	} {
		w.wantFields(tc.path, w.call("GET", "/payments/status/"+tc.path, ""), "total", fmt.Sprint(tc.total))
	}
	w.Advance(90 * 24 * time.Hour)
	w.token = w.getToken().text("access_token")
	w.wantFields("90 days later", w.call("GET", "/payments/status/all", ""), "total", "2")
	now := w.Now().Unix()
	for _, query := range []string{fmt.Sprintf("?from=%d", now-90*86400-1), fmt.Sprintf("?from=%d&to=%d", now, now-1)} {
		w.wantRefused("period", w.call("GET", "/payments/status/all"+query, ""), 400, -1, "")
	}
	w.wantRefused("page", w.call("GET", "/payments/status/all?page=2", ""), 400, -1, "")
	w.wantViolations()
	w.wantRefused("status", w.call("GET", "/payments/status/canceled", ""), 400, -1, "지원되지 않는 상태값입니다.")
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	body := `{"merchant_uid":"` + order + `","amount":9900}`
	w.wantRefused("get before", w.call("GET", "/payments/prepare/"+order, ""), 404, -1, "사전등록된 결제정보가 존재하지 않습니다.")
	w.wantRefused("put before", w.call("PUT", "/payments/prepare", body), 404, -1, "")
	w.wantFields("post", w.call("POST", "/payments/prepare", body), "merchant_uid", order, "amount", "9900", "currency", "")
	w.wantRefused("post again", w.call("POST", "/payments/prepare", body), 200, 1, "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다).")
	w.wantFields("get", w.call("GET", "/payments/prepare/"+order, ""), "merchant_uid", order, "amount", "9900")
	w.wantFields("put", w.call("PUT", "/payments/prepare", `{"merchant_uid":"`+order+`","amount":8800,"currency":"KRW"}`), "amount", "8800", "currency", "KRW")
	w.wantFields("get", w.call("GET", "/payments/prepare/"+order, ""), "amount", "8800", "currency", "KRW")
	w.wantViolations()

	blocked := func(edits ...string) string { return w.back(w.submit(windowForm(edits...))).Encode() }
	const mismatch = "error_code=PREPARE_MISMATCH&error_msg="
	for _, edits := range [][]string{{}, {"amount", "8800", "tamperAmount", "1"}, {"amount", "8800", "currency", "USD"}} {
		if got := blocked(edits...); !strings.HasPrefix(got, mismatch) || strings.Contains(got, "imp_uid") {
			t.Errorf("%v: %s, want it blocked", edits, got)
		}
	}
	w.wantMoved("")
	w.wantRefused("nothing was made", w.call("GET", "/payments/findAll/"+order, ""), 404, -1, "")
	w.approve("amount", "8800")
	w.wantMoved("+8800")

	w.approve(issuance()...)
	w.call("POST", "/payments/prepare", `{"merchant_uid":"sub-01--c1","amount":1}`)
	w.wantFields("prepare does not bind a charge", w.charge(), "status", "paid")

	off := newWorld(t, portonesim.Options{IgnorePrepare: true})
	off.call("POST", "/payments/prepare", body)
	off.approve("tamperAmount", "100")
	off.wantMoved("+100")
}
