package simulator

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Script serves a script.
func Script(w http.ResponseWriter, source []byte) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(source) // the reader may be gone
}

// Page writes the headers of a page, which may load scripts from the simulator only if scripts is 'self'.
func Page(w http.ResponseWriter, scripts string) {
	policy := "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
	if scripts != "" {
		policy += "; script-src " + scripts
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", policy)
}

// Form reads what a page's form sends.
func Form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, BodyMax)
	if err := r.ParseForm(); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, ErrForm
	}
	return r.PostForm, nil
}

// SendTo sends the buyer to an address.
func SendTo(w http.ResponseWriter, r *http.Request, address string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// HasOrigin accepts an http or https address with a host.
func HasOrigin(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// WithQuery appends names and values to an address that may have a query and a fragment already. The address was checked with HasOrigin.
func WithQuery(address string, pairs ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic("simulator: the address was checked with HasOrigin: " + err.Error())
	}
	query := u.RawQuery
	for pair := range slices.Chunk(pairs, 2) {
		if query != "" {
			query += "&"
		}
		query += pair[0] + "=" + url.QueryEscape(pair[1])
	}
	u.RawQuery = query
	return u.String()
}

// Price groups an amount in thousands: 163,020.
func Price(amount int64) string {
	digits := strconv.FormatInt(amount, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
