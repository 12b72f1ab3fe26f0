package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// By the official library. Several secrets hold while one replaces another.
func isStandard(body []byte, headers http.Header, secrets []string) bool {
	for _, secret := range secrets {
		webhook, err := webhookOf(secret)
		if err == nil && webhook.Verify(body, headers) == nil {
			return true
		}
	}
	return false
}

func webhookOf(secret string) (*standardwebhooks.Webhook, error) {
	if strings.HasPrefix(secret, "whsec_") {
		return standardwebhooks.NewWebhook(secret)
	}
	// The library takes every text for base64; our secrets without the prefix are plain text.
	return standardwebhooks.NewWebhookRaw([]byte(secret))
}

// X-Webhook-Signature by hand. It has no time in it: a copied request stays valid for ever.
func isDocumented(body []byte, headers http.Header, secrets []string) bool {
	signature := []byte(headers.Get("X-Webhook-Signature"))
	for _, secret := range secrets {
		code := hmac.New(sha256.New, []byte(secret))
		code.Write(body)
		expected := "sha256=" + hex.EncodeToString(code.Sum(nil))
		if hmac.Equal([]byte(expected), signature) {
			return true
		}
	}
	return false
}
